import type { StepPlan } from "./step-plan.ts";

/** Bytes as a person reads them: "84.2 MB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** A count as a person reads it: "115.6 M". */
export function formatCount(count: number): string {
  const units = ["", " k", " M", " G", " T"];
  let value = count;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)}${units[unit]}`;
}

/** The table a person reads: every dispatch with layer path, grid, places and FLOPs, then the memory. */
export function printPlan(plan: StepPlan): string {
  const rows = plan.dispatches.map((dispatch, index) => {
    const places = dispatch.bindings.map((b) => ({
      ...b,
      text: b.buffer === "step" ? "step" : `${b.buffer}@${b.offset}`,
    }));
    const reads = places.filter((b) => b.access !== "read_write").map((b) => b.text);
    const writes = places.filter((b) => b.access === "read_write").map((b) => b.text);
    return [
      `#${String(index).padStart(2, "0")}`,
      dispatch.label,
      dispatch.path || "-",
      dispatch.phase,
      dispatch.grid.join("×"),
      `${formatCount(dispatch.flops)}FLOP`,
      formatBytes(dispatch.bytes),
      `${reads.join(",")} → ${writes.join(",")}`,
      dispatch.detail,
    ];
  });
  const header = ["#", "kernel", "layer", "phase", "grid", "work", "bytes", "memory", "specialised"];
  const { planned, unplanned, lowerBound } = plan.memory;
  const flops = plan.dispatches.reduce((sum, dispatch) => sum + dispatch.flops, 0);
  return [
    ...alignColumns([header, ...rows]),
    "",
    `${plan.dispatches.length} dispatches, ${plan.pipelines.length} pipelines, ${formatCount(flops)}FLOP a step`,
    `work memory ${formatBytes(planned)} in ${plan.work.length} buffers ` +
      `(one buffer per value: ${formatBytes(unplanned)}; largest live set: ${formatBytes(lowerBound)})`,
  ].join("\n");
}

/** Left-aligned columns, two spaces apart. */
export function alignColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}
