// Installing packages must never fail because a browser cannot be downloaded:
// tests/setup/browser.mjs finds one or gets one when it is needed.
module.exports = { skipDownload: true };
