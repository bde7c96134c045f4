import { dirname, join } from 'node:path';
import express, { Router } from 'express';
import { compressedFiles } from './compress';
import { VIEWS_FOLDER } from './views';

const ONE_YEAR_SECONDS = 31_536_000;

const FONTS = [
  ['newsreader', '@fontsource/newsreader'],
  ['source-sans-3', '@fontsource-variable/source-sans-3'],
] as const;

/** Stylesheet, scripts, icons and fonts. Fonts never change under their name; the rest is asked for again with an ETag. */
export function assetsRouter(): Router {
  const router = Router();
  for (const [name, fontPackage] of FONTS) {
    const folder = join(dirname(require.resolve(`${fontPackage}/package.json`)), 'files');
    router.use(
      `/assets/fonts/${name}`,
      express.static(folder, { index: false, immutable: true, maxAge: ONE_YEAR_SECONDS * 1000 }),
    );
  }
  // reads codes from a camera: a module, and the worker that it loads by itself
  router.use(
    '/assets/qr-scanner',
    express.static(dirname(require.resolve('qr-scanner/qr-scanner.min.js')), {
      index: false,
      maxAge: 5 * 60 * 1000,
    }),
  );
  // cut down from those packages by .ci/subset-fonts.sh
  router.use(
    '/assets/fonts',
    express.static(join(VIEWS_FOLDER, 'assets/fonts'), {
      index: false,
      immutable: true,
      maxAge: ONE_YEAR_SECONDS * 1000,
    }),
  );
  const ours = join(VIEWS_FOLDER, 'assets');
  router.use('/assets', compressedFiles(ours, { maxAgeSeconds: 5 * 60 }));
  router.use('/assets', express.static(ours, { index: false, maxAge: 5 * 60 * 1000 }));
  return router;
}
