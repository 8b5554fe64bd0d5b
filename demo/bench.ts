import { type BenchCase, CASES } from "../src/bench/cases.ts";
import { type Ceilings, measureCeilings } from "../src/bench/ceilings.ts";
import { type CaseResult, measureCase } from "../src/bench/measure.ts";
import { median, minimum } from "../src/bench/statistics.ts";
import { contextOf, type DeviceContext } from "../src/gpu/context.ts";
import { installMeter } from "../src/gpu/meter.ts";
import { describeAdapter, EngineError, requestDevice } from "../src/index.ts";
import { formatBytes } from "../src/plan/print.ts";

/** Samples of a case; short enough for a phone, long enough to be told apart. */
const TURNS = { rounds: 5, sampleMs: 100, budgetMs: 3000 };

function element<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

function figure(value: number): string {
  if (!Number.isFinite(value)) return "–";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Numbers of a measured case as they are shown. */
function numbersOf(result: CaseResult, { fma, copy }: Ceilings) {
  const { samples } = result.contenders[0]!;
  const ms = median(samples);
  const rate = (result.bound === "flops" ? result.flops : result.bytes) / ms / 1e6;
  return { ms, least: minimum(samples), rate, share: rate / (result.bound === "flops" ? fma : copy) };
}

const unitOf = (bound: BenchCase["bound"]) => (bound === "flops" ? "GFLOP/s" : "GB/s");

function svg(name: string, attributes: Readonly<Record<string, string | number>>, text = ""): SVGElement {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, `${value}`);
  node.textContent = text;
  return node;
}

/** Horizontal bars, one a case: how much of the ceiling it reaches. */
class BarChart {
  readonly #root = document.getElementById("chart")!;
  readonly #bars = new Map<
    string,
    { readonly bar: SVGElement; readonly value: SVGElement; share?: number }
  >();
  readonly #tracks: SVGElement[] = [];

  constructor(cases: readonly BenchCase[]) {
    for (const { name, bound } of cases) {
      const track = svg("rect", { class: "track", height: 10, rx: 2 });
      const bar = svg("rect", { class: `bar ${bound}`, height: 10, rx: 2, width: 0 });
      const value = svg("text", { class: "value" });
      this.#tracks.push(track);
      this.#bars.set(name, { bar, value });
      this.#root.append(svg("text", { class: "name" }, name), track, bar, value);
    }
    new ResizeObserver(() => this.#layOut()).observe(this.#root);
  }

  set(name: string, share: number, text: string): void {
    const row = this.#bars.get(name)!;
    row.share = share;
    row.value.textContent = text;
    this.#layOut();
  }

  /** Names beside the bars where there is room, above them where there is not. */
  #layOut(): void {
    const width = this.#root.clientWidth;
    const isNarrow = width < 560;
    const [left, right] = [isNarrow ? 0 : 220, 150];
    const step = isNarrow ? 38 : 24;
    const room = Math.max(40, width - left - right);
    const names = [...this.#root.querySelectorAll(".name")];
    [...this.#bars.values()].forEach(({ bar, value, share = 0 }, i) => {
      const y = i * step + (isNarrow ? 20 : 6);
      place(names[i]!, { x: 0, y: isNarrow ? y - 6 : y + 9 });
      place(this.#tracks[i]!, { x: left, y, width: room });
      place(bar, { x: left, y, width: Math.min(1, share) * room });
      place(value, { x: left + room + 8, y: y + 9 });
    });
    const height = this.#bars.size * step + 6;
    this.#root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#root.setAttribute("height", `${height}`);
  }
}

function place(node: Element, attributes: Readonly<Record<string, number>>): void {
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, `${value}`);
}

/** The page: measures on demand, one case at a time. */
class BenchPage {
  readonly #context: DeviceContext;
  readonly #chart = new BarChart(CASES);
  readonly #rows = new Map<string, HTMLTableRowElement>();
  readonly #results = new Map<string, CaseResult>();
  #ceilings: Ceilings | undefined;
  #isRunning = false;
  #isStopping = false;

  constructor(context: DeviceContext) {
    this.#context = context;
    for (const one of CASES) this.#addRow(one);
    element("start").addEventListener("click", () => void this.run(CASES));
    element("stop").addEventListener("click", () => {
      this.#isStopping = true;
      this.#show("Stopping after this case …");
    });
    element("copy").addEventListener("click", () => void this.#copy());
    this.#enable();
  }

  #addRow(one: BenchCase): void {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = one.name;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Run";
    button.ariaLabel = `Run ${one.name}`;
    button.addEventListener("click", () => void this.run([one]));
    const cells = Array.from({ length: 8 }, () => document.createElement("td"));
    cells[7]!.append(button);
    row.append(head, ...cells);
    element("rows").append(row);
    this.#rows.set(one.name, row);
  }

  #enable(): void {
    element<HTMLButtonElement>("start").disabled = this.#isRunning;
    element<HTMLButtonElement>("stop").disabled = !this.#isRunning;
    element<HTMLButtonElement>("copy").disabled = this.#results.size === 0;
    for (const button of element("rows").querySelectorAll("button")) button.disabled = this.#isRunning;
  }

  #show(text: string): void {
    element("status").textContent = text;
  }

  async run(cases: readonly BenchCase[]): Promise<void> {
    this.#isRunning = true;
    this.#isStopping = false;
    this.#enable();
    try {
      await this.#measureCeilings();
      for (const [index, one] of cases.entries()) {
        if (this.#isStopping) break;
        this.#show(`${one.name} … (${index + 1} of ${cases.length})`);
        // The page paints between two cases.
        await new Promise((resolve) => setTimeout(resolve, 30));
        this.#add(await measureCase(this.#context, one, { peers: [], ...TURNS }));
      }
      this.#show(
        this.#isStopping ? "Stopped." : `Done: ${this.#results.size} of ${CASES.length} cases measured.`,
      );
    } catch (error) {
      showError(error);
    } finally {
      this.#isRunning = false;
      this.#enable();
    }
  }

  async #measureCeilings(): Promise<void> {
    if (this.#ceilings) return;
    this.#show("Measuring what this adapter can do at best …");
    await new Promise((resolve) => setTimeout(resolve, 30));
    this.#ceilings = await measureCeilings(this.#context, TURNS.rounds, TURNS.sampleMs);
    element("fma").textContent = figure(this.#ceilings.fma);
    element("memory").textContent = figure(this.#ceilings.copy);
  }

  #add(result: CaseResult): void {
    this.#results.set(result.name, result);
    const { ms, least, rate, share } = numbersOf(result, this.#ceilings!);
    const { dispatches, bytes, firstMs } = result.contenders[0]!;
    const rateText = `${figure(rate)} ${unitOf(result.bound)}`;
    this.#chart.set(result.name, share, `${figure(100 * share)} %, ${rateText}`);
    const texts = [
      figure(ms),
      figure(least),
      rateText,
      `${figure(100 * share)} %`,
      `${dispatches}`,
      bytes === null ? "–" : formatBytes(bytes),
      figure(firstMs),
    ];
    const cells = this.#rows.get(result.name)!.querySelectorAll("td");
    texts.forEach((text, i) => {
      cells[i]!.textContent = text;
    });
  }

  async #copy(): Promise<void> {
    const text = JSON.stringify(
      {
        date: new Date().toISOString(),
        adapter: describeAdapter(this.#context.device).text,
        browser: navigator.userAgent,
        ceilings: this.#ceilings,
        cases: [...this.#results.values()],
      },
      null,
      2,
    );
    await navigator.clipboard.writeText(text).then(
      () => this.#show("Copied."),
      () => this.#show("The browser does not let this page copy."),
    );
  }
}

function showError(error: unknown): void {
  const details = error instanceof EngineError ? error.details : undefined;
  const isMissing = details?.op === "requestDevice";
  element("error-title").textContent = isMissing ? "WebGPU is not available here" : "Measuring has stopped";
  const text = details
    ? `${details.problem}${details.got ? ` (found: ${details.got})` : ""}.`
    : String(error);
  element("error-text").textContent = text.charAt(0).toUpperCase() + text.slice(1);
  element("error-fix").textContent = details?.fix ? `What helps: ${details.fix}.` : "";
  element("error").hidden = false;
  element("status").textContent = isMissing ? "No bench without WebGPU." : "Stopped.";
}

async function main(): Promise<void> {
  installMeter();
  const device = await requestDevice({ onWarning: () => {} });
  void device.lost.then(({ message }) => showError(new Error(`The GPU was lost: ${message}`)));
  element("adapter").textContent = describeAdapter(device).text;
  const page = new BenchPage(contextOf(device));
  element("status").textContent =
    "Ready. All cases take about a minute on a GPU, several on a software adapter.";
  const only = new URLSearchParams(location.search).get("run");
  if (only !== null) await page.run(only === "" ? CASES : CASES.filter(({ name }) => name.includes(only)));
}

main().catch(showError);
