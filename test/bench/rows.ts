export interface Row {
  id: string;
  value: number;
  goal: number;
  /** `min`: at least the goal; `max`: at most */
  direction: 'min' | 'max';
  unit: string;
  detail: string;
}

export function isReached({ value, goal, direction }: Row): boolean {
  return direction === 'min' ? value >= goal : value <= goal;
}

export function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
