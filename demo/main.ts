import "../src/element.ts";
import { PRESETS, presetOf, type Setup, searchOf, setupOf } from "./presets.ts";

function element<T extends HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

const trainer = element("trainer") as HTMLElementTagNameMap["wgfit-trainer"];
const form = element<HTMLFormElement>("setup");
trainer.replay = new URL("./recorded-run.json", import.meta.url).href;

/** Shows a setup, and trains it. */
function train(setup: Setup): void {
  const { batch, ...rest } = setup;
  Object.assign(trainer, rest, { batchSize: batch });
  for (const [name, value] of Object.entries(setup)) {
    const field = form.elements.namedItem(name) as HTMLInputElement | HTMLSelectElement;
    field.value = String(value);
  }
  const preset = presetOf(setup);
  element("about").textContent = preset ? PRESETS[preset]!.about : "A setup of your own.";
  for (const link of element("presets").querySelectorAll("a")) {
    if (link.dataset.preset === preset) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  trainer.reset();
  trainer.start();
}

/** Puts the setup into the address, so that it can be shared, and trains it. */
function open(setup: Setup): void {
  history.pushState(null, "", searchOf(setup));
  train(setup);
}

for (const [name, { title, setup }] of Object.entries(PRESETS)) {
  const link = Object.assign(document.createElement("a"), { textContent: title, href: `?preset=${name}` });
  link.dataset.preset = name;
  link.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    open(setup);
  });
  element("presets").append(link);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  open(setupOf(`?${new URLSearchParams(fields as unknown as Record<string, string>)}`));
});

trainer.addEventListener("wgfit-ready", () => {
  element("adapter").textContent = `Adapter: ${trainer.run?.info.adapter ?? ""}`;
});

addEventListener("popstate", () => train(setupOf(location.search)));
train(setupOf(location.search));
