import { startSimulator } from '../../src/stripe-simulator/simulator';

const OPTIONS = {
  port: 0,
  stateFile: null,
  platform: {
    name: 'Foyer',
    secretKey: 'sk_test_x',
    publishableKey: 'pk_test_x',
    clientId: 'ca_x',
    redirectUris: ['http://localhost:3000/stripe/callback'],
  },
  webhook: null,
};

describe('starting the simulator', () => {
  it('is refused in production', async () => {
    const before = process.env.NODE_ENV;
    process.env.NODE_ENV = 'production';
    try {
      await expect(startSimulator(OPTIONS)).rejects.toThrow('does not run in production');
    } finally {
      process.env.NODE_ENV = before;
    }
  });

  it('says so when the port is taken', async () => {
    const first = await startSimulator(OPTIONS);
    try {
      await expect(startSimulator({ ...OPTIONS, port: first.port })).rejects.toThrow(
        `Port ${first.port} is in use`,
      );
    } finally {
      await first.close();
    }
  });

  it('plays live mode for a live key', async () => {
    const live = await startSimulator({
      ...OPTIONS,
      platform: { ...OPTIONS.platform, secretKey: 'sk_live_x' },
    });
    try {
      const post = (path: string, fields: Record<string, string>) =>
        fetch(live.url + path, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
      const query = {
        response_type: 'code',
        client_id: 'ca_x',
        scope: 'read_write',
        action: 'create',
        email: 'ada@example.com',
      };
      const code = new URL((await post('/oauth/authorize', query)).headers.get('location')!).searchParams.get(
        'code',
      )!;
      const answer = await post('/oauth/token', {
        grant_type: 'authorization_code',
        code,
        client_secret: 'sk_live_x',
      });
      expect(await answer.json()).toMatchObject({
        livemode: true,
        stripe_publishable_key: expect.stringMatching(/^pk_live_/),
      });
    } finally {
      await live.close();
    }
  });
});
