/** What Stripe is told of the app, and the folder that is uploaded. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { loadConfig } from '../../src/config';
import { appManifest, ManifestError, type ManifestSettings } from '../../src/stripe-app/manifest';
import { writeAppProject } from '../../src/stripe-app/manifest-command';

const SETTINGS: ManifestSettings = {
  appId: 'org.example.tickets',
  version: '1.0.2',
  baseUrl: 'https://tickets.example.org',
  redirectUris: ['https://staging.example.org/stripe-app/callback'],
};

test('the manifest asks for OAuth, for all and sandboxes, and leads back to this Foyer first', () => {
  const manifest = appManifest(SETTINGS);
  expect(manifest).toMatchObject({
    id: 'org.example.tickets',
    version: '1.0.2',
    name: 'Foyer',
    distribution_type: 'public',
    stripe_api_access_type: 'oauth',
    sandbox_install_compatible: true,
    allowed_redirect_uris: [
      'https://tickets.example.org/stripe-app/callback',
      'https://staging.example.org/stripe-app/callback',
    ],
    post_install_action: { type: 'settings' },
    constants: { foyer_url: 'https://tickets.example.org' },
  });
  // the listing's rules: none of these words in a name
  expect(manifest.name).not.toMatch(/stripe|app|free|paid/i);
});

test('it asks for what it uses, each with a reason in a sentence, and to read no payment', () => {
  const { permissions } = appManifest(SETTINGS);
  // Stripe's names: the Secret Store, and the event of an uninstall
  expect(permissions.map(({ permission }) => permission)).toEqual(['secret_write', 'event_read']);
  for (const { purpose } of permissions) expect(purpose).toMatch(/^[A-Z].{30,}\.$/);
});

test('the views may reach this Foyer’s API and nothing else', () => {
  const { views, content_security_policy: policy } = appManifest(SETTINGS).ui_extension;
  // with the slash at its end Stripe allows the folder
  expect(policy['connect-src']).toEqual(['https://tickets.example.org/api/']);
  expect(policy.purpose).toMatch(/\.$/);
  expect(views.map(({ viewport }) => viewport)).toEqual(['stripe.dashboard.payment.detail', 'settings']);
  for (const { component } of views)
    expect(existsSync(`src/stripe-app/extension/views/${component}.tsx`)).toBe(true);
});

test('an own address that is listed too stands there once', () => {
  const own = 'https://tickets.example.org/stripe-app/callback';
  expect(appManifest({ ...SETTINGS, redirectUris: [own] }).allowed_redirect_uris).toEqual([own]);
});

test.each<[string, Partial<ManifestSettings>, string]>([
  ['an app without a name', { appId: null }, 'STRIPE_APP_ID'],
  ['a name with a blank', { appId: 'org.example my app' }, 'STRIPE_APP_ID'],
  ['a version of words', { version: 'next' }, '--version'],
  ['plain http', { baseUrl: 'http://tickets.example.org' }, 'BASE_URL'],
  ['one’s own machine', { baseUrl: 'https://localhost:3000' }, 'BASE_URL'],
  ['a name of one’s own machine', { baseUrl: 'https://foyer.localhost' }, 'BASE_URL'],
  ['a number', { baseUrl: 'https://10.0.0.7' }, 'BASE_URL'],
  ['a number of version 6', { baseUrl: 'https://[::1]:3000' }, 'BASE_URL'],
  ['a callback over http', { redirectUris: ['http://s.example.org/stripe-app/callback'] }, 'STRIPE_APP_RED'],
  ['a callback at home', { redirectUris: ['https://localhost/stripe-app/callback'] }, 'STRIPE_APP_RED'],
  ['a callback without a path', { redirectUris: ['https://s.example.org'] }, 'STRIPE_APP_RED'],
  ['a callback with a part after #', { redirectUris: ['https://s.example.org/a#b'] }, 'STRIPE_APP_RED'],
])('%s is refused before Stripe does', (_name, settings, setting) => {
  const problems = (() => {
    try {
      appManifest({ ...SETTINGS, ...settings });
      return [];
    } catch (error) {
      return (error as ManifestError).problems;
    }
  })();
  expect(problems).toEqual([expect.stringContaining(`${setting}`)]);
});

test('all problems are told at once', () => {
  const make = () => appManifest({ ...SETTINGS, appId: '', baseUrl: 'http://localhost:3000', version: '' });
  expect(make).toThrow(ManifestError);
  expect(make).toThrow(/STRIPE_APP_ID.*\n.*BASE_URL: http:\/\/localhost:3000.*\n.*--version/);
});

describe('the folder that is uploaded', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'foyer-stripe-app-'));
    await writeAppProject(folder, appManifest(SETTINGS));
    await writeAppProject(folder, appManifest(SETTINGS));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('has the manifest, an icon of 300 pixels, and the packages in the versions of this Foyer', async () => {
    const read = async (file: string): Promise<unknown> =>
      JSON.parse(await readFile(join(folder, file), 'utf8'));
    expect(await read('stripe-app.json')).toEqual(appManifest(SETTINGS));
    const icon = await sharp(join(folder, 'icon.png')).metadata();
    expect([icon.format, icon.width, icon.height]).toEqual(['png', 300, 300]);
    const own = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await read('package.json')).toMatchObject({
      version: '1.0.2',
      dependencies: {
        '@stripe/ui-extension-sdk': own.devDependencies['@stripe/ui-extension-sdk'],
        react: own.devDependencies.react,
        stripe: own.dependencies.stripe,
      },
    });
  });

  test('builds for itself: its views import nothing that lies elsewhere', async () => {
    const views = appManifest(SETTINGS).ui_extension.views.map(({ component }) =>
      join(folder, 'src/views', `${component}.tsx`),
    );
    const build = promisify(execFile)(
      'node_modules/.bin/esbuild',
      [...views, '--bundle', '--jsx=automatic', '--format=esm', `--outdir=${join(folder, 'built')}`],
      { env: { ...process.env, NODE_PATH: join(process.cwd(), 'node_modules') } },
    );
    await expect(build).resolves.toBeDefined();
    expect(readFileSync(join(folder, 'built/PaymentOrder.js'), 'utf8')).toContain('Stripe-Signature');
  });
});

test('the settings of the app are read as they stand', () => {
  const { stripe } = loadConfig({
    STRIPE_APP_ID: ' org.example.tickets ',
    STRIPE_APP_REDIRECT_URIS: 'https://a.example.org/x, https://b.example.org/y',
    DATA_DIR: join(tmpdir(), 'foyer-stripe-app-data'),
  });
  expect(stripe.manifest).toEqual({
    appId: 'org.example.tickets',
    redirectUris: ['https://a.example.org/x', 'https://b.example.org/y'],
  });
});
