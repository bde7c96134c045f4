/** Every route of an Express app, asked of its own routers: what a table must have a row for. */
import { type Express } from 'express';

export interface AppRoute {
  /** upper case; `ALL` for `router.all` */
  method: string;
  /** as it was written, behind what its routers are mounted at: `/orders/:token/payment` */
  path: string;
}

export interface AppRoutes {
  /** in the order in which they are asked; a route that was declared twice is here twice */
  routes: AppRoute[];
  /** where files are served from folders */
  assets: string[];
  /** what runs for many routes: anything here could answer by itself, so tests name them */
  middleware: { name: string; path: string }[];
}

/**
 * Walks the routers, nested and mounted ones too. Throws where it can't look inside: at a whole app that was mounted,
 * and at patterns that are no text.
 */
export function routesOf(app: Express): AppRoutes {
  const found: AppRoutes = { routes: [], assets: [], middleware: [] };
  walk((app.router as unknown as RouterLike).stack, '', found);
  return found;
}

interface LayerLike {
  name: string;
  rawPath: unknown;
  handle: { stack?: LayerLike[] };
  route?: { path: unknown; methods: Record<string, boolean> };
}

interface RouterLike {
  stack: LayerLike[];
}

function walk(stack: LayerLike[], mountedAt: string, found: AppRoutes): void {
  for (const layer of stack) {
    const own = layer.route ? layer.route.path : layer.rawPath;
    for (const path of [own].flat(5)) {
      if (typeof path !== 'string')
        throw new Error(`A pattern that is no text: ${String(path)} in ${mountedAt}/`);
      const whole = join(mountedAt, path);
      if (layer.route) {
        for (const [method, handled] of Object.entries(layer.route.methods))
          if (handled) found.routes.push({ method: method.replace(/^_/, '').toUpperCase(), path: whole });
      } else if (layer.name === 'mounted_app') {
        throw new Error(`A whole app is mounted at ${whole}: its routes can't be seen. Use a Router.`);
      } else if (layer.handle.stack) walk(layer.handle.stack, whole, found);
      else if (layer.name === 'serveStatic') found.assets.push(whole);
      else found.middleware.push({ name: layer.name, path: whole });
    }
  }
}

function join(mountedAt: string, path: string): string {
  return `${mountedAt}${path}`.replaceAll(/\/{2,}/g, '/').replace(/(.)\/$/, '$1');
}
