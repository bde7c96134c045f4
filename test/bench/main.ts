/** `npm run bench -- [--only R2,R3] [--seconds 4] [--json FILE]`: see docs/performance.md. */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { ordersCsv } from './csv';
import { orderList } from './orders';
import { isReached, type Row } from './rows';
import { holdsOfOneType, holdsOnTwoProcesses, holdsOverManyEvents, publicPage } from './rush';
import { rushForPayment, wholeOrders } from './whole-orders';
import { webhooks } from './webhooks';
import { createWorld, type World } from './world';

const MEASUREMENTS: { ids: string[]; run: (world: World, seconds: number) => Promise<Row[]> }[] = [
  { ids: ['R1', 'R4', 'R4b', 'R8'], run: publicPage },
  { ids: ['R2', 'R8'], run: holdsOfOneType },
  { ids: ['R3'], run: holdsOverManyEvents },
  { ids: ['R9'], run: holdsOnTwoProcesses },
  { ids: ['R5'], run: webhooks },
  { ids: ['R6'], run: orderList },
  { ids: ['R7'], run: ordersCsv },
  { ids: ['R11'], run: wholeOrders },
  { ids: ['R12'], run: rushForPayment },
];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      json: { type: 'string' },
      seconds: { type: 'string', default: '4' },
    },
  });
  const wanted = values.only?.split(',');
  const chosen = MEASUREMENTS.filter(({ ids }) => !wanted || ids.some((id) => wanted.includes(id)));
  if (chosen.length === 0)
    throw new Error(
      `Nothing is named ${values.only}. There are ${MEASUREMENTS.flatMap(({ ids }) => ids).join(', ')}.`,
    );

  console.log(
    `${cpus().length} × ${cpus()[0]?.model}, ${Math.round(totalmem() / 2 ** 30)} GB, Node ${process.version}`,
  );
  const rows: Row[] = [];
  for (const { run } of chosen) {
    const world = await createWorld();
    try {
      await world.market.addOrders(await world.market.addEvent({ capacity: 1000 }), 50_000);
      for (const row of await run(world, Number(values.seconds))) {
        rows.push(row);
        print(row);
      }
    } finally {
      await world.close();
    }
  }
  if (values.json) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
}

function print(row: Row): void {
  const sign = row.direction === 'min' ? '≥' : '≤';
  const value = row.value < 10 ? row.value.toFixed(2) : String(Math.round(row.value));
  console.log(
    [
      isReached(row) ? 'ok    ' : 'MISSED',
      row.id.padEnd(9),
      value.padStart(7),
      `(${sign} ${row.goal})`.padEnd(9),
      row.unit,
      '·',
      row.detail,
    ].join(' '),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
