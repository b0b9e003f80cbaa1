/** How a recording is drawn and walked. Rule: pure; the drawing is 1000 wide and 100 high, seconds are never outside. */

/** How far an arrow key moves. */
export const STEP_S = 5;

const WIDTH = 1000;
const HALF = 22;

/** One side's levels (0 to 1) as a closed outline around its middle line. */
export function outline(levels: number[], middle: number): string {
  if (levels.length === 0) return "";
  const step = WIDTH / levels.length;
  const edge = (sign: number) => levels.map((level, index) => [(index + 0.5) * step, middle + sign * Math.max(level * HALF, 0.4)]);
  const points = [...edge(-1), ...edge(1).reverse()];
  return `M${points.map(([x = 0, y = 0]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L")}Z`;
}

/** The second at a point of the picture. */
export function placeOf(x: number, width: number, seconds: number): number {
  return width <= 0 ? 0 : Math.min(Math.max(x / width, 0), 1) * seconds;
}
