/** Every route as production serves it: the headers that a browser needs to protect people, and cookies that only we can set. */
import supertest from 'supertest';
import { createListener } from '../../src/app';
import { routesOf } from '../support/routes';
import { createTestApp, type TestApp } from '../support/test-app';

let testApp: TestApp;
beforeAll(async () => {
  testApp = await createTestApp({
    config: { production: true, baseUrl: 'https://tickets.example', trustProxy: 1 },
    stripe: { connectUrl: 'https://connect.stripe.com' },
  });
});
afterAll(() => testApp.close());

/** Programs of ours ask these; no browser shows them. */
const NO_BROWSER = ['/healthz', '/readyz'];

/** What stands in `answer` that must not, or does not and must. */
function missing(answer: supertest.Response): string[] {
  const policy = String(answer.headers['content-security-policy'] ?? '');
  const needed: Record<string, RegExp> = {
    'strict-transport-security': /^max-age=63072000; includeSubDomains$/,
    'content-security-policy': /^default-src 'none';.*frame-ancestors 'none';base-uri 'none'$/,
    'x-content-type-options': /^nosniff$/,
    'x-frame-options': /^DENY$/,
    'referrer-policy': /^(same-origin|no-referrer)$/,
    'cross-origin-opener-policy': /^same-origin$/,
    'cross-origin-resource-policy': /^same-origin$/,
  };
  return [
    ...Object.entries(needed)
      .filter(([name, form]) => !form.test(String(answer.headers[name] ?? '')))
      .map(([name]) => `${name}: ${answer.headers[name]}`),
    ...['server', 'x-powered-by'].filter((name) => name in answer.headers),
    ...(/unsafe-|\*|http:/.test(policy) ? [policy] : []),
    ...cookiesOf(answer).filter(
      (cookie) =>
        !/^__Host-[\w-]+=/.test(cookie) ||
        !['Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax'].every((flag) => cookie.includes(`; ${flag}`)) ||
        /domain=/i.test(cookie),
    ),
  ];
}

test('A2, A16: every route, whatever it answers', async () => {
  const problems: string[] = [];
  const routes = routesOf(testApp.app).routes.filter(({ path }) => !NO_BROWSER.includes(path));
  expect(routes.length).toBeGreaterThan(100);
  const agent = supertest(createListener(testApp.dependencies, testApp.app));
  for (const { method, path } of [...routes, ...FILES]) {
    const answer = await agent[method === 'GET' ? 'get' : 'post'](path.replace(/:\w+/g, 'x')).set(
      'X-Forwarded-Proto',
      'https',
    );
    problems.push(...missing(answer).map((problem) => `${method} ${path} (${answer.status}): ${problem}`));
    if (method === 'GET' && answer.status !== 200 && !/no-store/.test(answer.headers['cache-control'] ?? ''))
      problems.push(`${method} ${path} (${answer.status}) may be kept`);
  }
  expect(problems).toEqual([]);
});

const FILES = ['/assets/foyer.css', '/assets/clock.js', '/nowhere', '/assets/nowhere.css'].map((path) => ({
  method: 'GET',
  path,
}));

test('A2: a session is begun only over https, with a cookie of this host', async () => {
  const overHttps = await testApp.agent().get('/sign-in').set('X-Forwarded-Proto', 'https');
  expect(cookiesOf(overHttps)).toEqual([expect.stringMatching(/^__Host-sid=s%3A/)]);
  expect(cookiesOf(await testApp.agent().get('/sign-in'))).toEqual([]);
});

function cookiesOf(answer: supertest.Response): string[] {
  return (answer.headers['set-cookie'] as unknown as string[] | undefined) ?? [];
}
