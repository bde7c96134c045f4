import { setTimeout as sleep } from 'node:timers/promises';
import * as argon2 from '@node-rs/argon2';
import { createPasswords } from '../../src/accounts/passwords';

jest.mock('@node-rs/argon2', () => {
  const real = jest.requireActual<typeof argon2>('@node-rs/argon2');
  return { ...real, verify: jest.fn(real.verify) };
});
const verify = jest.mocked(argon2.verify);
const strengthOf = (hash: unknown) => /^\$argon2id\$[^$]+\$[^$]+\$/.exec(String(hash))?.[0];

const PASSWORD = 'four quiet words here';

test('a password is kept as an Argon2id hash with a salt of its own', async () => {
  const passwords = createPasswords();
  const [one, two] = [await passwords.hash(PASSWORD), await passwords.hash(PASSWORD)];
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(one).not.toBe(two);
  expect(await passwords.matches(one, PASSWORD)).toBe(true);
  expect(await passwords.matches(one, `${PASSWORD} `)).toBe(false);
});

test('a password typed on another keyboard is the same password', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash('cafe\u0301 \u212bngstro\u0308m');
  expect(await passwords.matches(hash, 'caf\u00e9 \u00c5ngstr\u00f6m')).toBe(true);
});

test('nothing matches nobody, and nothing too long is hashed', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash('');
  expect(await passwords.matches(null, PASSWORD)).toBe(false);
  expect(await passwords.matches(null, '')).toBe(false);
  expect(await passwords.matches(hash, 'x'.repeat(100_000))).toBe(false);
});

test('nobody costs as much time as somebody: the same work at the same strength', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash(PASSWORD);
  const workFor = async (stored: string | null) => {
    verify.mockClear();
    await passwords.matches(stored, 'not the password');
    return verify.mock.calls.map(([compared, typed]) => [strengthOf(compared), typed]);
  };
  const work = await workFor(hash);
  expect(work).toEqual([['$argon2id$v=19$m=19456,t=2,p=1$', 'not the password']]);
  expect(await workFor(null)).toEqual(work);
});

test('a few are hashed at once, a queue waits, and the rest is told to come again', async () => {
  const passwords = createPasswords({ atOnce: 2, waiting: 3 });
  const hash = await passwords.hash(PASSWORD);
  const answers = await Promise.allSettled(
    Array.from({ length: 8 }, () => passwords.matches(hash, PASSWORD)),
  );
  expect(answers.map((answer) => answer.status)).toEqual([
    ...Array<string>(5).fill('fulfilled'),
    ...Array<string>(3).fill('rejected'),
  ]);
  for (const answer of answers)
    if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ status: 503 });
  // and afterwards all is as before
  expect(await passwords.matches(hash, PASSWORD)).toBe(true);
});

test('two hundred sign-ins at once leave room for everything else', async () => {
  const passwords = createPasswords();
  const hash = await passwords.hash(PASSWORD);
  let over = false;
  const wave = Promise.allSettled(
    Array.from({ length: 200 }, () => passwords.matches(hash, PASSWORD)),
  ).finally(() => (over = true));
  let turns = 0;
  for (; !over; turns += 1) await sleep(5);
  await wave;
  // hashed on the event loop, they would let nobody else have a turn before the last is done
  expect(turns).toBeGreaterThan(10);
});
