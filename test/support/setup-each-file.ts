import { format } from 'node:util';
import nock from 'nock';

/** Before each test file: nothing leaves this machine, and nothing complains unheard. */
const complaints: string[] = [];
const { error, warn } = console;
for (const level of ['error', 'warn'] as const) {
  console[level] = (...args: unknown[]) => complaints.push(`console.${level}: ${format(...args)}`);
}

beforeAll(() => {
  nock.disableNetConnect();
  nock.enableNetConnect(/^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/);
});

afterEach(() => {
  nock.cleanAll();
  failOnComplaints();
});

// This runs before a file's own afterAll: what is said there can fail no test any more, so it is printed.
afterAll(() => {
  Object.assign(console, { error, warn });
  nock.restore();
});

function failOnComplaints(): void {
  const heard = complaints.splice(0);
  if (heard.length > 0) throw new Error(heard.join('\n'));
}
