import { isServer, LitElement, type PropertyValues } from "lit";
import { inNextFrame, notInNextFrame } from "./frames.ts";
import type { RunData, RunMessage } from "./run-data.ts";
import { type Inks, onThemeChange, readInks, wantsStillness } from "./theme.ts";

/** An element that has a run: a trainer, or a dashboard that plays one. Fires `wgfit-run` when it has another. */
interface RunSource extends HTMLElement {
  readonly run?: RunData | undefined;
}

/** Least time between two changes of text. */
const TEXT_MS = 250;

/** What all elements that show a run have in common: where it comes from, and when they draw. */
export abstract class RunElement extends LitElement {
  static override properties = { run: { attribute: false }, for: { type: String } };

  /** The run to show. */
  declare run: RunData | undefined;
  /** Id of an element whose run is shown, in place of `run`. */
  declare for: string | null;
  #inks: Inks | undefined;
  #followed: RunData | undefined;
  #source: RunSource | undefined;
  #unsubscribe: (() => void)[] = [];
  #unfollow: (() => void) | undefined;
  #textAt = 0;

  /** The colours a canvas draws with. */
  protected get inks(): Inks {
    this.#inks ??= readInks(this.renderRoot as ShadowRoot);
    return this.#inks;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe.push(
      onThemeChange(() => {
        this.#inks = undefined;
        this.restyle();
      }),
    );
    this.#bind();
    // An element further down in the document may not be there yet.
    if (this.for && !this.#source) requestAnimationFrame(() => this.#bind());
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const stop of this.#unsubscribe.splice(0)) stop();
    this.#unfollow?.();
    this.#unfollow = undefined;
    this.#followed = undefined;
    this.#source?.removeEventListener("wgfit-run", this.#takeRun);
    this.#source = undefined;
    notInNextFrame(this.#drawNow);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (isServer || !this.isConnected) return;
    if (changed.has("for")) this.#bind();
    if (changed.has("run")) this.#follow();
  }

  #bind(): void {
    this.#source?.removeEventListener("wgfit-run", this.#takeRun);
    this.#source = undefined;
    if (!this.for || !this.isConnected) return;
    const root = this.getRootNode() as Document | ShadowRoot;
    this.#source = (root.getElementById?.(this.for) as RunSource | null) ?? undefined;
    this.#source?.addEventListener("wgfit-run", this.#takeRun);
    this.#takeRun();
  }

  readonly #takeRun = (): void => {
    if (this.#source?.run) this.run = this.#source.run;
  };

  #follow(): void {
    if (this.#followed === this.run) return;
    this.#unfollow?.();
    this.#followed = this.run;
    this.#unfollow = this.run?.subscribe((message) => this.hear(message));
    this.forget();
    this.requestDraw();
  }

  /** Hears what the run tells; draws in the next frame, or after the epoch for those who want less motion. */
  protected hear({ type }: RunMessage): void {
    const now = performance.now();
    if (type === "epoch" || (this.isTextLive && now - this.#textAt > TEXT_MS)) {
      this.#textAt = now;
      this.requestUpdate();
    }
    if (type === "epoch" || !wantsStillness()) this.requestDraw();
  }

  /** True if the text follows the steps, at most four times a second, and not just the epochs. */
  protected get isTextLive(): boolean {
    return false;
  }

  protected requestDraw(): void {
    if (this.isConnected) inNextFrame(this.#drawNow);
  }

  readonly #drawNow = (): void => {
    if (this.isConnected && this.hasUpdated) this.draw();
  };

  protected override updated(_changed: PropertyValues<this>): void {
    this.requestDraw();
  }

  /** Lets go of what was drawn of another run. */
  protected forget(): void {}
  /** Draws what is new. Called once a frame at most. */
  protected abstract draw(): void;
  /** The page's colours have changed. */
  protected restyle(): void {
    this.requestDraw();
  }
}
