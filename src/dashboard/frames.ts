/** One animation frame for everything on the page that draws. */
const waiting = new Set<() => void>();
let isScheduled = false;

/** Runs `draw` in the next frame; asked twice before it, once. */
export function inNextFrame(draw: () => void): void {
  waiting.add(draw);
  if (isScheduled) return;
  isScheduled = true;
  requestAnimationFrame(drawAll);
}

/** Forgets what was asked. */
export function notInNextFrame(draw: () => void): void {
  waiting.delete(draw);
}

function drawAll(): void {
  isScheduled = false;
  const draws = [...waiting];
  waiting.clear();
  for (const draw of draws) {
    // What fails to draw is reported, and does not keep the others from it.
    try {
      draw();
    } catch (error) {
      reportError(error);
    }
  }
}
