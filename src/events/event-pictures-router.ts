/** Pictures as anybody may fetch and keep them: covers under the name of their content, posters as cards to share. */
import { type Request, type Response, Router } from 'express';
import { type Dependencies } from '../dependencies';
import { NotFound } from '../errors';
import { svgToPng } from '../lib/pictures';
import { posterSvg } from '../lib/poster';
import { createEventCoversStore, type CoverSize } from './event-covers-store';
import { createPublicEventsStore } from './public-events-store';

const ONE_YEAR_SECONDS = 31_536_000;
const ONE_HOUR_SECONDS = 3600;
/** Cards that were drawn lately: other sites ask for the same few. */
const MOST_CARDS = 50;

export function eventPicturesRouter({ db }: Pick<Dependencies, 'db'>): Router {
  const router = Router();
  const covers = createEventCoversStore(db);
  const cards = new Map<string, Promise<Buffer>>();

  router.get('/covers/:name', async (req: Request, res: Response) => {
    const asked = /^([0-9a-f]{32})-(?:(wide|small)\.webp|(share)\.jpg)$/.exec(String(req.params['name']));
    const size = (asked?.[2] ?? asked?.[3]) as CoverSize | undefined;
    const picture = asked && size ? await covers.findPicture(asked[1]!, size) : null;
    if (!picture) throw new NotFound('picture');
    res.set('Cache-Control', `public, max-age=${ONE_YEAR_SECONDS}, immutable`);
    res.type(size === 'share' ? 'image/jpeg' : 'image/webp').send(picture);
  });

  /** The poster as a card for other sites, which show no SVG. */
  router.get('/events/:slug/share.png', async (req: Request, res: Response) => {
    const found = await createPublicEventsStore(db).findBySlug(String(req.params['slug']));
    if (!found) throw new NotFound('event');
    const { id, title } = found.event;
    res.set('Cache-Control', `public, max-age=${ONE_HOUR_SECONDS}`);
    res.type('image/png').send(await cardOf(id, title));
  });

  return router;

  function cardOf(id: string, title: string): Promise<Buffer> {
    const key = `${id} ${title}`;
    const known = cards.get(key);
    if (known) return known;
    const card = svgToPng(posterSvg({ id, title, width: 1200, height: 630 }));
    card.catch(() => cards.delete(key));
    cards.set(key, card);
    if (cards.size > MOST_CARDS) cards.delete(cards.keys().next().value!);
    return card;
  }
}
