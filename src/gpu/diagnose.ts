import type { ErrorDetails } from "../core/errors.ts";

/** What is known of the place the program runs in, as plain data: no navigator is needed to test a diagnosis. */
export interface Environment {
  /** `navigator.userAgent`, or "Node.js/20" where a runtime has no navigator. */
  readonly userAgent: string;
  /** Served over https or from localhost. Runtimes other than browsers count as secure. */
  readonly isSecureContext: boolean;
  /** True if `navigator.gpu` exists. */
  readonly gpu: boolean;
  /** What `requestAdapter` answered; absent where nobody asked. */
  readonly adapter?: "given" | "null";
  /** True inside a web worker. */
  readonly worker?: boolean;
  /** What `requestAdapter` or `requestDevice` was refused with. */
  readonly refusal?: string;
}

/** Why there is no WebGPU device. */
export type Cause =
  | "deviceRefused"
  | "insecureContext"
  | "linuxFlag"
  | "firefox"
  | "safari"
  | "oldBrowser"
  | "headless"
  | "noAdapter"
  | "worker"
  | "runtime"
  | "unknown";

/** The cause, and the error's text: what is wrong, what was expected, what to do next. */
export interface Diagnosis extends ErrorDetails {
  readonly cause: Cause;
}

/** Browser, version and platform as far as a user agent tells. */
interface Browser {
  readonly kind: "chromium" | "firefox" | "safari" | "runtime" | "unknown";
  readonly name: string;
  readonly version: number;
  readonly platform: "windows" | "mac" | "linux" | "android" | "ios" | "chromeos" | "other";
  readonly headless: boolean;
}

/** First versions with WebGPU on by default. */
const FIRST = {
  chromium: 113,
  chromiumAndroid: 121,
  chromiumLinux: 144,
  firefoxWindows: 141,
  firefoxMac: 145,
  safari: 26,
};

const LINUX_FLAGS = "--enable-unsafe-webgpu --ozone-platform=x11 --use-angle=vulkan --enable-features=Vulkan";
const SOFTWARE_FLAGS = "--enable-unsafe-webgpu --use-webgpu-adapter=swiftshader";

/**
 * Says which cause keeps a program from a WebGPU device, and the next step for that browser.
 * Source  the table of implementations in the gpuweb wiki, April 2026
 */
export function diagnose(environment: Environment): Diagnosis {
  const browser = browserOf(environment.userAgent);
  if (environment.refusal !== undefined) return refused(environment.refusal);
  if (browser.kind === "runtime" && !environment.gpu) return withoutImplementation(browser);
  if (!environment.isSecureContext) return insecure();
  return environment.gpu ? withoutAdapter(browser) : withoutGpu(browser, environment);
}

function refused(refusal: string): Diagnosis {
  return {
    cause: "deviceRefused",
    op: "requestDevice",
    problem: "the adapter refuses to give a device",
    expected: "a GPUDevice",
    got: refusal,
    fix: "close other pages that use the GPU and restart the browser; ask for smaller `limits` where you set them; update the graphics driver",
  };
}

function insecure(): Diagnosis {
  return {
    cause: "insecureContext",
    op: "requestDevice",
    problem: "the page is not a secure context, and browsers offer WebGPU in no other",
    expected: "https, or http://localhost",
    got: "an insecure page",
    fix: "serve the page over https, or open it as http://localhost:PORT on this machine",
  };
}

function withoutImplementation({ name }: Browser): Diagnosis {
  const ways: Readonly<Record<string, string>> = {
    "Node.js":
      "install an implementation, such as the npm package webgpu, and pass it: requestDevice({ gpu })",
    Deno: "start it with --unstable-webgpu",
    Bun: "install an implementation, such as the npm package bun-webgpu, and pass it: requestDevice({ gpu })",
  };
  return missing(
    "runtime",
    `${name} has no WebGPU of its own`,
    name,
    ways[name] ?? "pass an implementation: requestDevice({ gpu })",
  );
}

/** `navigator.gpu` is absent in a secure page. */
function withoutGpu(browser: Browser, { worker = false }: Environment): Diagnosis {
  const { kind, platform, version, headless } = browser;
  const got = describe(browser);
  if (kind === "firefox") return firefox(browser, worker);
  if (kind === "safari") return safari(browser, worker);
  if (kind !== "chromium") {
    return missing(
      "unknown",
      "this browser has no WebGPU",
      got,
      "use Chrome or Edge 113 and later, Safari 26, or Firefox 141 on Windows",
    );
  }
  const first = platform === "android" ? FIRST.chromiumAndroid : FIRST.chromium;
  if (version < first) {
    return missing(
      "oldBrowser",
      `this browser is older than its WebGPU (version ${first})`,
      got,
      "update the browser",
    );
  }
  if (headless) return headlessDiagnosis(got);
  if (platform === "linux") return linux(browser);
  if (worker) return inWorker(got);
  return missing(
    "noAdapter",
    "WebGPU is switched off in this browser",
    got,
    "switch on graphics acceleration in the settings under System, restart, and see chrome://gpu; " +
      "chrome://flags/#enable-unsafe-webgpu switches WebGPU on for a GPU that is not yet supported",
  );
}

/** `navigator.gpu` is there, but `requestAdapter` answered null. */
function withoutAdapter(browser: Browser): Diagnosis {
  const { kind, platform, headless } = browser;
  const got = `null from requestAdapter (${describe(browser)})`;
  if (kind === "chromium" && headless) return headlessDiagnosis(got);
  if (kind === "chromium" && platform === "linux") return linux(browser, got);
  const steps: Readonly<Record<Browser["kind"], string>> = {
    chromium:
      "see what chrome://gpu says of WebGPU; switch on graphics acceleration in the settings under System; update the graphics driver; " +
      "for a GPU on the blocklist try chrome://flags/#enable-unsafe-webgpu",
    firefox: "see what about:support says of WEBGPU; update the graphics driver, or use Chrome or Edge",
    safari: "switch off Lockdown Mode for this site, update the system, or use another device",
    runtime:
      "install a Vulkan, Metal or Direct3D 12 driver; on a server a software one such as Mesa's lavapipe",
    unknown: "update the browser and the graphics driver, or use Chrome or Edge",
  };
  return {
    cause: "noAdapter",
    op: "requestDevice",
    problem: "WebGPU finds no GPU that it may use (no GPU, a driver on the blocklist, or a virtual machine)",
    expected: "an adapter",
    got,
    fix: steps[kind],
  };
}

function linux(browser: Browser, got = describe(browser)): Diagnosis {
  const bare = `start it with ${LINUX_FLAGS}, or switch on chrome://flags/#enable-unsafe-webgpu and chrome://flags/#enable-vulkan`;
  const since = `on Linux it is on by itself from version ${FIRST.chromiumLinux} (Intel since 2020) and 147 (NVIDIA)`;
  return {
    cause: "linuxFlag",
    op: "requestDevice",
    problem: `${browser.name} on Linux keeps WebGPU behind a flag for this GPU; ${since}`,
    expected: "WebGPU",
    got,
    fix: `${bare}; without a GPU ${SOFTWARE_FLAGS} computes on the processor`,
  };
}

function headlessDiagnosis(got: string): Diagnosis {
  return {
    cause: "headless",
    op: "requestDevice",
    problem: "a headless browser has no WebGPU without flags",
    expected: "an adapter",
    got,
    fix: `start it with ${SOFTWARE_FLAGS} (on the processor), or with ${LINUX_FLAGS} (on a GPU under Linux)`,
  };
}

function firefox(browser: Browser, worker: boolean): Diagnosis {
  const { platform, version } = browser;
  const first =
    platform === "windows" ? FIRST.firefoxWindows : platform === "mac" ? FIRST.firefoxMac : undefined;
  if (worker && first !== undefined && version >= first) return inWorker(describe(browser));
  const problem =
    first === undefined
      ? "Firefox has no WebGPU on this system yet"
      : version < first
        ? `Firefox has WebGPU here from version ${first}`
        : "WebGPU is switched off in this Firefox (on a Mac it needs Apple silicon)";
  const update =
    first !== undefined && version < first
      ? "update Firefox"
      : "set dom.webgpu.enabled to true in about:config";
  return missing(
    "firefox",
    problem,
    describe(browser),
    `${update}, use Firefox Nightly, or use Chrome or Edge`,
  );
}

function safari(browser: Browser, worker: boolean): Diagnosis {
  const { platform, version } = browser;
  if (version >= FIRST.safari && worker) return inWorker(describe(browser));
  const system = platform === "ios" ? "iOS 26" : "Safari 26";
  if (version >= FIRST.safari) {
    return missing(
      "safari",
      "WebGPU is switched off here",
      describe(browser),
      "switch off Lockdown Mode for this site, and WebGPU on in the feature flags",
    );
  }
  const flag =
    platform === "ios"
      ? "Settings, Apps, Safari, Advanced, Feature Flags, WebGPU"
      : "Develop, Feature Flags, WebGPU (Safari 18), or use Chrome";
  return missing(
    "safari",
    platform === "ios" ? "every browser on iOS has WebGPU from iOS 26" : "Safari has WebGPU from version 26",
    describe(browser),
    `update to ${system}; before that: ${flag}`,
  );
}

function inWorker(got: string): Diagnosis {
  return missing(
    "worker",
    "this browser offers no WebGPU inside a worker",
    `none in a worker (${got})`,
    "request the device in the page itself, or update the browser",
  );
}

function missing(cause: Cause, problem: string, got: string, fix: string): Diagnosis {
  return { cause, op: "requestDevice", problem, expected: "navigator.gpu", got, fix };
}

function describe({ name, version, platform, headless }: Browser): string {
  const systems = {
    windows: "Windows",
    mac: "macOS",
    linux: "Linux",
    android: "Android",
    ios: "iOS",
    chromeos: "ChromeOS",
  };
  const system = platform === "other" ? "" : ` on ${systems[platform]}`;
  return `${headless ? "headless " : ""}${name}${version ? ` ${version}` : ""}${system}`;
}

function browserOf(userAgent: string): Browser {
  const headless = /HeadlessChrome/.test(userAgent);
  const platform = platformOf(userAgent);
  const version = (pattern: RegExp) => Number(pattern.exec(userAgent)?.[1] ?? 0);
  const runtime = /^(Node\.js|Deno|Bun)\//.exec(userAgent)?.[1];
  if (runtime) return { kind: "runtime", name: runtime, version: version(/\/(\d+)/), platform, headless };
  // Every browser on iOS is Safari inside, and its WebGPU comes with the system.
  if (platform === "ios") {
    const system = version(/OS (\d+)[_.]/);
    return {
      kind: "safari",
      name: "Safari",
      version: Math.max(version(/Version\/(\d+)/), system),
      platform,
      headless,
    };
  }
  if (/Firefox\//.test(userAgent))
    return { kind: "firefox", name: "Firefox", version: version(/Firefox\/(\d+)/), platform, headless };
  const chromium = version(/Chrom(?:e|ium)\/(\d+)/) || version(/HeadlessChrome\/(\d+)/);
  if (chromium) {
    const name = /Edg\w*\//.test(userAgent) ? "Edge" : /OPR\//.test(userAgent) ? "Opera" : "Chrome";
    return { kind: "chromium", name, version: chromium, platform, headless };
  }
  if (/Safari\//.test(userAgent))
    return { kind: "safari", name: "Safari", version: version(/Version\/(\d+)/), platform, headless };
  return { kind: "unknown", name: userAgent || "an unknown program", version: 0, platform, headless };
}

function platformOf(userAgent: string): Browser["platform"] {
  if (/iPhone|iPad|iPod/.test(userAgent)) return "ios";
  if (/Android/.test(userAgent)) return "android";
  if (/CrOS/.test(userAgent)) return "chromeos";
  if (/Windows/.test(userAgent)) return "windows";
  if (/Macintosh|Mac OS X/.test(userAgent)) return "mac";
  return /Linux|X11/.test(userAgent) ? "linux" : "other";
}
