/**
 * `npm run stripe-app:manifest -- --version 1.0.0`: lays the app out as Stripe's command line wants it, in
 * DATA_DIR/stripe-app: the manifest made from the settings, the icon, and the views with all they import.
 */
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { ConfigError, loadConfig } from '../config';
import { type AppManifest, appManifest, ManifestError } from './manifest';

/** Stripe's: 300 × 300 pixels, PNG. */
const ICON_PIXELS = 300;
/** What the views need to be built; the versions are those that Foyer is checked with. */
const NEEDED = ['@stripe/ui-extension-sdk', 'react', 'stripe', '@types/react', 'typescript'];

async function main(args: string[]): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = loadConfig(process.env);
  const at = args.indexOf('--version');
  const manifest = appManifest({
    ...config.stripe.manifest,
    baseUrl: config.baseUrl,
    version: at >= 0 ? (args[at + 1] ?? '') : (await readPackage()).version,
  });
  const folder = join(config.dataDir, 'stripe-app');
  await writeAppProject(folder, manifest);
  console.log(
    [
      `${manifest.name} ${manifest.version} (${manifest.id}) lies in ${folder}.`,
      'Where it may come back to:',
      ...manifest.allowed_redirect_uris.map((uri) => `  ${uri}`),
      `Next: cd ${folder} && npm install && stripe apps upload`,
    ].join('\n'),
  );
}

/** Writes the project anew; what `npm install` put there stays. Reads the sources of the folder it is called in. */
export async function writeAppProject(folder: string, manifest: AppManifest): Promise<void> {
  await mkdir(folder, { recursive: true });
  await rm(join(folder, 'src'), { recursive: true, force: true });
  await cp('src/stripe-app/extension', join(folder, 'src'), { recursive: true });
  await cp('src/stripe-app/contract.ts', join(folder, 'contract.ts'));
  await writeFile(join(folder, 'icon.png'), await drawIcon());
  await writeJson(join(folder, 'stripe-app.json'), manifest);
  await writeJson(join(folder, 'tsconfig.json'), TYPESCRIPT);
  await writeJson(join(folder, 'package.json'), {
    name: 'foyer-stripe-app',
    version: manifest.version,
    private: true,
    dependencies: await versionsOf(NEEDED),
  });
}

async function drawIcon(): Promise<Buffer> {
  const mark = await readFile('views/assets/favicon.svg');
  // 32 units to the side: drawn at the size it is wanted in, not enlarged
  return sharp(mark, { density: (72 * ICON_PIXELS) / 32 })
    .resize(ICON_PIXELS, ICON_PIXELS)
    .png()
    .toBuffer();
}

interface Package {
  version: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

async function readPackage(): Promise<Package> {
  return JSON.parse(await readFile('package.json', 'utf8')) as Package;
}

async function versionsOf(names: string[]): Promise<Record<string, string | undefined>> {
  const { dependencies, devDependencies } = await readPackage();
  return Object.fromEntries(names.map((name) => [name, dependencies[name] ?? devDependencies[name]]));
}

async function writeJson(file: string, content: object): Promise<void> {
  await writeFile(file, `${JSON.stringify(content, null, 2)}\n`);
}

const TYPESCRIPT = {
  compilerOptions: {
    target: 'es2022',
    lib: ['dom', 'esnext'],
    module: 'esnext',
    moduleResolution: 'bundler',
    jsx: 'react-jsx',
    strict: true,
    isolatedModules: true,
    skipLibCheck: true,
    noEmit: true,
  },
  include: ['src', 'contract.ts'],
};

if (require.main === module)
  main(process.argv.slice(2)).catch((error: unknown) => {
    const known = error instanceof ConfigError || error instanceof ManifestError;
    console.error(known ? error.message : error);
    process.exitCode = 1;
  });
