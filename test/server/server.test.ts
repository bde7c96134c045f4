/** The built app as a process of its own: started, stopped, killed, and started wrongly. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { findRunningServer } from '../../src/db/embedded-server';
import { isAlive } from '../../src/db/postmaster';
import { buildApp, freePort, pause, runApp, type RunningApp, untilAnswers } from '../support/built-app';
import { createTestDatabase } from '../support/test-database';
import { throwAwayFolder } from '../support/throw-away-folder';

let built: Awaited<ReturnType<typeof buildApp>>;
let dataDir: string;
const apps: RunningApp[] = [];
const others: Server[] = [];

beforeAll(async () => {
  built = await buildApp();
  dataDir = throwAwayFolder();
}, 30_000);
afterEach(async () => {
  for (const app of apps.splice(0)) {
    app.process.kill('SIGKILL');
    await app.ended;
  }
  for (const other of others.splice(0)) other.close();
});
afterAll(async () => {
  await until(() => findRunningServer(dataDir) === null);
  rmSync(dataDir, { recursive: true, force: true });
  built.remove();
});

test('it starts from nothing, says where it is and who can sign in, and stops in order', async () => {
  const app = await run();
  await untilAnswers(app, '/healthz');
  await untilAnswers(app, '/readyz');
  await until(() => app.output().includes('Press Ctrl-C'));
  expect(app.output()).toMatch(/Foyer runs at http:\/\/localhost:\d+\n/);
  expect(app.output()).toContain('ada@demo.example');
  const postgres = postmasterPid();

  app.process.kill('SIGTERM');
  expect(await app.ended).toBe(0);
  expect(isAlive(postgres)).toBe(false);
  expect(readFileSync(join(dataDir, 'postgres/server.log'), 'utf8')).toMatch(
    /database system is shut down\s*$/,
  );
});

test('killed, it leaves nothing running, and the next start has all data and a line for each demo person', async () => {
  const killed = await run();
  await untilAnswers(killed, '/healthz');
  await query(findRunningServer(dataDir)!, "UPDATE users SET name = 'Kept' WHERE email = 'ada@demo.example'");
  const postgres = postmasterPid();
  killed.process.kill('SIGKILL');
  await until(() => !isAlive(postgres));

  const next = await run();
  await untilAnswers(next, '/healthz');
  await until(() => next.output().includes('Press Ctrl-C'));
  expect(next.output()).toContain('ada@demo.example');
  const people = await query(findRunningServer(dataDir)!, "SELECT email FROM users WHERE name = 'Kept'");
  expect(people).toEqual([{ email: 'ada@demo.example' }]);
});

test('a Ctrl-C that arrives twice, as npm delivers it, is one; a request that has begun is answered first', async () => {
  const app = await run();
  await untilAnswers(app, '/healthz');
  const connection = await beginRequest(app);
  app.process.kill('SIGINT');
  app.process.kill('SIGINT');
  await pause(300);
  expect(app.process.exitCode).toBeNull();
  await expect(beginRequest(app)).rejects.toThrow('ECONNREFUSED');

  const answer = await connection.finish();
  expect(answer).toMatch(/^HTTP\/1\.1 \d{3} /);
  expect(answer.toLowerCase()).toContain('connection: close');
  expect(await app.ended).toBe(0);
});

test('the second Ctrl-C does not wait for anybody, and Postgres ends all the same', async () => {
  const app = await run();
  await untilAnswers(app, '/healthz');
  await beginRequest(app);
  const postgres = postmasterPid();
  app.process.kill('SIGINT');
  await pause(1_200);
  app.process.kill('SIGINT');
  expect(await app.ended).toBe(1);
  await until(() => !isAlive(postgres));
});

test('it ends in order when the shell that npm put between them is ended', async () => {
  const app = await runApp(built.folder, { DATA_DIR: dataDir, npm_lifecycle_event: 'start' }, [
    '/bin/sh',
    '-c',
    '"$@"; exit 1',
    'sh',
  ]);
  apps.push(app);
  await untilAnswers(app, '/healthz');
  const postgres = postmasterPid();
  app.process.kill('SIGTERM');
  await until(() => !isAlive(postgres));
  expect(readFileSync(join(dataDir, 'postgres/server.log'), 'utf8')).toMatch(
    /database system is shut down\s*$/,
  );
});

test('stopped in the middle of its start, it undoes what it has done', async () => {
  const app = await run();
  const pidFile = join(dataDir, 'postgres/data/postmaster.pid');
  // for a moment it is empty, and while the cluster is made it holds a negative number
  await until(() => existsSync(pidFile) && postmasterPid() > 0);
  const postgres = postmasterPid();
  app.process.kill('SIGTERM');
  expect(await app.ended).toBe(0);
  await until(() => !isAlive(postgres));
  expect(app.output()).not.toContain('Press Ctrl-C');
});

test('a second process with the same data is told so', async () => {
  const first = await run();
  await untilAnswers(first, '/healthz');
  const second = await run();
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(
    `Another Foyer (process ${first.process.pid}) is running with the same data`,
  );
  await untilAnswers(first, '/healthz');
});

test.each(['PORT', 'STRIPE_SIMULATOR_PORT'])(
  'a taken port (%s) is named, and everything is stopped again',
  async (setting) => {
    const port = await occupyPort();
    const app = await run({ [setting]: String(port) });
    expect(await app.ended).toBe(1);
    expect(app.output()).toContain(
      `Foyer could not start: Port ${port} is taken by another program. Stop it, or set ${setting} to a free port.`,
    );
    expect(findRunningServer(dataDir)).toBeNull();
  },
);

test('wrong settings are named all at once, without their values', async () => {
  const app = await run({ PORT: 'a-door', BASE_URL: 'tickets', DATABASE_URL: 'mysql://root:hunter2@db' });
  expect(await app.ended).toBe(1);
  for (const name of ['PORT', 'BASE_URL', 'DATABASE_URL']) expect(app.output()).toContain(`- ${name}: `);
  expect(app.output()).not.toMatch(/a-door|hunter2/);
  expect(app.output()).not.toMatch(/^\s+at /m);
});

test('in production it refuses to start with whatever nobody has set', async () => {
  const app = await run({ NODE_ENV: 'production' });
  expect(await app.ended).toBe(1);
  for (const name of [
    'BASE_URL',
    'SESSION_SECRETS',
    'ENCRYPTION_KEYS',
    'STRIPE_SECRET_KEY',
    'STRIPE_WEBHOOK_SECRETS',
  ]) {
    expect(app.output()).toContain(`- ${name}: `);
  }
});

test('R3: weak, blank or contradictory settings: it refuses to start, names the setting and prints no value', async () => {
  const good = {
    NODE_ENV: 'production',
    BASE_URL: 'https://canary.example',
    SESSION_SECRETS: 'canary-session-secret-of-32-characters',
    ENCRYPTION_KEYS: Buffer.alloc(32, 1).toString('base64'),
    STRIPE_SECRET_KEY: 'sk_live_canary',
    STRIPE_CLIENT_ID: 'ca_canary',
    STRIPE_WEBHOOK_SECRETS: 'whsec_canary',
    SMTP_URL: 'smtps://canary@mail.example',
    MAIL_FROM: 'canary@mail.example',
  };
  const cases: [string, Record<string, string>][] = [
    ['SESSION_SECRETS', { SESSION_SECRETS: 'canary-too-short' }],
    ['ENCRYPTION_KEYS', { ENCRYPTION_KEYS: 'canary' }],
    ['STRIPE_SECRET_KEY', { STRIPE_SECRET_KEY: 'sk_test_canary' }], // a test key in production
    ['STRIPE_SECRET_KEY', { NODE_ENV: '' }], // a live key where nobody said production
    ['STRIPE_WEBHOOK_SECRETS', { STRIPE_WEBHOOK_SECRETS: ' ' }],
    ['BASE_URL', { BASE_URL: 'http://canary.example' }],
  ];
  for (const [name, change] of cases) {
    const app = await run({ ...good, ...change });
    expect([change, await app.ended]).toEqual([change, 1]);
    expect(app.output()).toContain(`- ${name}: `);
    expect(app.output()).not.toMatch(/canary/);
  }
});

test('a database that is not there is named without its password', async () => {
  const port = await freePort();
  const app = await run({ DATABASE_URL: `postgres://foyer:hunter2@127.0.0.1:${port}/foyer` });
  expect(await app.ended).toBe(1);
  expect(app.output()).toContain(`Foyer could not start: connect ECONNREFUSED 127.0.0.1:${port}`);
  expect(app.output()).not.toContain('hunter2');
});

test('two processes can start on one given database at the same moment', async () => {
  const database = await createTestDatabase();
  const starts = await Promise.all([
    run({ DATABASE_URL: database.url }),
    run({ DATABASE_URL: database.url }),
  ]);
  for (const app of starts) await untilAnswers(app, '/readyz');
  // Demo people, whose passwords everybody can read, are for our own database alone.
  expect(await query(database.url, 'SELECT email FROM users')).toEqual([]);
  for (const app of starts) app.process.kill('SIGTERM');
  expect(await Promise.all(starts.map((app) => app.ended))).toEqual([0, 0]);
  await database.drop();
});

async function run(settings: Record<string, string> = {}): Promise<RunningApp> {
  const app = await runApp(built.folder, { DATA_DIR: dataDir, ...settings });
  apps.push(app);
  return app;
}

function postmasterPid(): number {
  return Number(readFileSync(join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0]);
}

/** A form post whose last byte is still under way. */
async function beginRequest(app: RunningApp): Promise<{ finish(): Promise<string> }> {
  const { hostname, port, host } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  await new Promise((done, fail) => socket.once('connect', done).once('error', fail));
  socket.on('error', () => {});
  socket.write(
    `POST /sign-in HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\nemail=`,
  );
  await pause(100); // until the server has seen it
  return {
    finish() {
      const answer = new Promise<string>((done) => {
        let received = '';
        socket.on('data', (chunk) => (received += chunk));
        socket.once('close', () => done(received));
      });
      socket.write('x');
      return answer;
    },
  };
}

async function occupyPort(): Promise<number> {
  const server = createServer();
  others.push(server);
  await new Promise<void>((done) => server.listen(0, done));
  return (server.address() as { port: number }).port;
}

async function query(url: string, statement: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Not so after 10 s: ${condition}`);
    await pause(20);
  }
}
