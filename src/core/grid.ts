import { ceilDiv } from "./shape.ts";

/** A grid of at least `groups` workgroups whose sides stay under WebGPU's guaranteed 65,535. */
export function linearGrid(groups: number): [number, number] {
  if (groups <= 65535) return [groups, 1];
  const rows = ceilDiv(groups, 65535);
  return [ceilDiv(groups, rows), rows];
}
