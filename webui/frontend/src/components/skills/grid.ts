/** Moving in a grid by keys. Rule: pure; at an edge one stays. */

export interface Cell {
  row: number;
  column: number;
}

const STEPS: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

/** Where an arrow, Home or End leads; null for another key. */
export function moved(from: Cell, key: string, rows: number, columns: number): Cell | null {
  if (key === "Home") return { row: from.row, column: 0 };
  if (key === "End") return { row: from.row, column: columns - 1 };
  const step = STEPS[key];
  if (!step) return null;
  return { row: within(from.row + step[0], rows), column: within(from.column + step[1], columns) };
}

/** The level that a key sets: 1 to 5; 0, Delete and Backspace mean none (null); undefined for another key. */
export function levelOf(key: string): number | null | undefined {
  if (key === "0" || key === "Delete" || key === "Backspace") return null;
  return /^[1-5]$/.test(key) ? Number(key) : undefined;
}

function within(place: number, count: number): number {
  return Math.max(0, Math.min(count - 1, place));
}
