import { formatMoney } from '../lib/money';
import { type Order, type OrderLine } from './order';

export interface SumLine {
  label: string;
  note: string | null;
  amount: string;
  kind?: 'total' | 'quiet';
}

/** An order's tickets at their full price, what its code took off, and what remains: for the lines of `money-lines`. */
export function sumLines(
  order: Pick<Order, 'currency' | 'totalAmount'>,
  lines: OrderLine[],
  code: string | null,
  totalLabel = 'Total',
): SumLine[] {
  const money = (amount: bigint) => formatMoney(amount, order.currency);
  const fullPrice = (line: OrderLine) => line.unitPrice + line.discount;
  const off = lines.reduce((sum, line) => sum + line.discount * BigInt(line.quantity), 0n);
  return [
    ...lines.map((line) => ({
      label: `${line.quantity} × ${line.ticketTypeName}`,
      note: fullPrice(line) > 0n ? `${money(fullPrice(line))} each` : null,
      amount: money(fullPrice(line) * BigInt(line.quantity)),
    })),
    ...(code !== null
      ? [{ label: `Code ${code}`, note: null, amount: off > 0n ? `− ${money(off)}` : money(0n) }]
      : []),
    { label: totalLabel, note: null, amount: money(order.totalAmount), kind: 'total' },
  ];
}
