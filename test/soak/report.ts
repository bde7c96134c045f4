/** What a soak says of itself. */
import { type Findings } from '../faults/rig/invariants';

export interface Report {
  seed: number;
  minutes: number;
  requests: number;
  orders: number;
  payments: number;
  refunds: number;
  kills: number;
  troubles: Record<string, number>;
  cutConnections: number;
  honest503: number;
  restRounds: number;
  memoryMb: { early: number; late: number };
  /** each of these must be 0 */
  mustBeZero: Record<string, number>;
  /** in percent, of the process that lives through all of it; judged where there was time enough to grow */
  memoryGrowthPercent: number;
  memoryGrowthAllowed: number | null;
  /** of what is not 0, some */
  examples: Record<string, string[]>;
}

export function isGood(report: Report): boolean {
  const grown =
    report.memoryGrowthAllowed !== null && report.memoryGrowthPercent > report.memoryGrowthAllowed;
  return !grown && Object.values(report.mustBeZero).every((count) => count === 0);
}

export function countFindings(found: Findings): {
  counts: Record<string, number>;
  examples: Record<string, string[]>;
} {
  const entries = Object.entries(found) as [string, string[]][];
  return {
    counts: Object.fromEntries(entries.map(([what, cases]) => [what, cases.length])),
    examples: Object.fromEntries(
      entries.filter(([, cases]) => cases.length > 0).map(([what, cases]) => [what, cases.slice(0, 10)]),
    ),
  };
}

export function print(report: Report): void {
  const { mustBeZero, examples, troubles, memoryMb, ...figures } = report;
  const line = (name: string, value: unknown) => console.log(`${name.padEnd(22)} ${String(value)}`);
  for (const [name, value] of Object.entries(figures)) line(name, value);
  line('memoryMb', `${memoryMb.early} → ${memoryMb.late}`);
  line(
    'troubles',
    Object.entries(troubles)
      .map(([name, times]) => `${name} ${times}`)
      .join(', '),
  );
  console.log('-- each of these must be 0');
  for (const [name, value] of Object.entries(mustBeZero)) line(value === 0 ? name : `${name}  <<<`, value);
  for (const [what, cases] of Object.entries(examples)) console.log(`\n${what}:\n  ${cases.join('\n  ')}`);
  console.log(isGood(report) ? '\nAll promises were kept.' : '\nA promise was broken.');
}
