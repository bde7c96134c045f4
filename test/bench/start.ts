/** R10: from `npm start` to the first page, on a fresh folder and on one that was used. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildApp, freePort, pause } from '../support/built-app';
import { type Row } from './rows';

export async function starts(): Promise<Row[]> {
  const { folder, remove } = await buildApp();
  const dataDir = mkdtempSync(join(tmpdir(), 'foyer-bench-start-'));
  try {
    const fresh = await start(folder, dataDir);
    const warm = await start(folder, dataDir);
    return [
      {
        id: 'R10 fresh',
        value: fresh,
        goal: 6,
        direction: 'max',
        unit: 's to the first 200',
        detail: 'npm start: build, initdb, migrations, demo data',
      },
      { id: 'R10 warm', value: warm, goal: 3, direction: 'max', unit: 's to the first 200', detail: '' },
    ];
  } finally {
    remove();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function start(folder: string, dataDir: string): Promise<number> {
  const port = String(await freePort());
  const began = performance.now();
  const child = spawn('npm', ['start'], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: port,
      DATA_DIR: dataDir,
      STRIPE_SIMULATOR_PORT: String(await freePort()),
    },
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise((done) => child.once('exit', done));
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      (response) => response.ok,
      () => false,
    );
  while (!(await answers())) {
    if (child.exitCode !== null) throw new Error('npm start has ended');
    await pause(20);
  }
  const seconds = (performance.now() - began) / 1000;
  process.kill(-child.pid!, 'SIGINT');
  await ended;
  return Math.round(seconds * 100) / 100;
}
