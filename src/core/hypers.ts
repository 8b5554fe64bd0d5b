/** Most parameter groups a row has room for. */
export const MAX_GROUPS = 15;

/** Numbers of one parameter group at one step. */
export interface GroupHypers {
  readonly lr: number;
  /** Momentum of SGD, beta1 of Adam. */
  readonly momentum: number;
  readonly beta2?: number;
  readonly weightDecay?: number;
  readonly eps?: number;
  readonly dampening?: number;
}
