import { GraphError, OptionError } from "../core/errors.ts";
import { knownOptions } from "../core/known-options.ts";
import { numel } from "../core/shape.ts";
import type { State } from "../graph/value.ts";
import { type AnyModule, type Binding, bound, type Values } from "./module.ts";

export interface FreezeOptions {
  /**
   * How frozen batch norm behaves: with its running statistics ("eval", the default), with those of the batch, moving
   * the running ones ("train"), or so and its weight and bias train too ("trainable", as fastai's train_bn).
   */
  readonly batchNorm?: "eval" | "train" | "trainable";
}

interface Bound {
  readonly path: string;
  readonly module: AnyModule;
  readonly states: Readonly<Record<string, State>>;
}

/** A module tree with its states: every parameter and running statistic under PyTorch's state_dict name. */
export class Model {
  readonly root: AnyModule;
  readonly #bound = new Map<AnyModule, Bound>();
  readonly #frozen = new Map<string, Required<FreezeOptions>>();

  /** Errors  GraphError for a name that holds a dot */
  constructor(root: AnyModule) {
    this.root = root;
    this.#bind(root, "");
  }

  #bind(module: AnyModule, path: string): void {
    // A module used twice keeps its first path: it is one set of parameters.
    if (this.#bound.has(module)) return;
    const join = (name: string) => (path ? `${path}.${name}` : name);
    const states = Object.fromEntries(
      Object.entries(module.states).map(([name, declaration]): [string, State] => [
        name,
        { dtype: "f32", ...declaration, name: join(name) },
      ]),
    );
    this.#bound.set(module, { path, module, states });
    for (const [name, part] of Object.entries(module.parts)) {
      if (name.includes(".")) {
        throw new GraphError({
          op: "model",
          problem: `name of a part: "${name}" holds a dot`,
          at: path,
          fix: "rename it",
        });
      }
      this.#bind(part, join(name));
    }
  }

  /** Calls the model on values inside a capture. */
  apply<I extends Values>(inputs: I): Values {
    return bound(
      (module) => this.#binding(module),
      () => this.root(inputs) as Values,
    );
  }

  /** Runs `body` with this model's modules bound, for a loss that calls parts of the model. */
  within<T>(body: () => T): T {
    return bound((module) => this.#binding(module), body);
  }

  #binding(module: AnyModule): Binding | undefined {
    const found = this.#bound.get(module);
    if (!found) return undefined;
    const frozen = normalises(module) ? this.#freezeOf(found.path) : undefined;
    return {
      path: found.path,
      states: found.states,
      mode: frozen?.batchNorm === "eval" ? "eval" : undefined,
    };
  }

  /** Every module with its path, parents first. */
  modules(): { readonly path: string; readonly module: AnyModule }[] {
    return [...this.#bound.values()].map(({ path, module }) => ({ path, module }));
  }

  /** All states in state_dict order. */
  states(): State[] {
    return [...this.#bound.values()].flatMap(({ states }) => Object.values(states));
  }

  parameters(): State[] {
    return this.states().filter((state) => state.role === "parameter");
  }

  /** Parameters that train: all but the frozen ones. */
  trainable(): State[] {
    return [...this.#bound.values()].flatMap(({ path, module, states }) => {
      const frozen = this.#freezeOf(path);
      const stays = frozen && !(frozen.batchNorm === "trainable" && normalises(module));
      return stays ? [] : Object.values(states).filter((state) => state.role === "parameter");
    });
  }

  /** Elements of all parameters. */
  parameterCount(): number {
    return this.parameters().reduce((count, state) => count + numel(state.shape), 0);
  }

  /**
   * Stops training of a layer and all inside it. Batch norm there uses its running statistics and leaves them alone
   * unless `batchNorm` says otherwise.
   * Errors  OptionError if no module has this path
   */
  freeze(path: string, options: FreezeOptions = {}): void {
    knownOptions("freeze", options, { batchNorm: true });
    const { batchNorm = "eval" } = options;
    this.#checkPath(path);
    this.#frozen.set(path, { batchNorm });
  }

  /** Lets a layer train again; all of them where no path is given. */
  unfreeze(path?: string): void {
    if (path === undefined) this.#frozen.clear();
    else {
      this.#checkPath(path);
      for (const frozen of [...this.#frozen.keys()]) if (isWithin(frozen, path)) this.#frozen.delete(frozen);
    }
  }

  /** What is frozen, as text: part of the key of a compiled plan. */
  frozenKey(): string {
    return [...this.#frozen]
      .map(([path, { batchNorm }]) => `${path}:${batchNorm}`)
      .sort()
      .join();
  }

  #freezeOf(path: string): Required<FreezeOptions> | undefined {
    for (const [frozen, options] of this.#frozen) if (isWithin(path, frozen)) return options;
    return undefined;
  }

  #checkPath(path: string): void {
    const known = [...this.#bound.values()].map((one) => one.path);
    if (known.includes(path)) return;
    throw new OptionError({
      op: "freeze",
      problem: "no module has this path",
      expected: known.filter(Boolean).slice(0, 12).join(", "),
      got: path,
      fix: "use a path as summary() prints it",
    });
  }
}

/** True for layers with running statistics. */
function normalises(module: AnyModule): boolean {
  return "running_mean" in module.states;
}

/** True if `path` is `ancestor` or lies inside it. */
function isWithin(path: string, ancestor: string): boolean {
  return ancestor === "" || path === ancestor || path.startsWith(`${ancestor}.`);
}
