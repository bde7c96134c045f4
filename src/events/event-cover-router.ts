/** The picture of an event: uploaded, drawn anew in three sizes, taken away. Without one there is a poster. */
import { type Request, type RequestHandler, type Response, Router } from 'express';
import multer from 'multer';
import { z } from 'zod';
import { type Dependencies } from '../dependencies';
import { BadRequest } from '../errors';
import { currentUser } from '../http/current-user';
import { emptyForm, type Form, optionalText, parseForm, withErrors } from '../http/forms';
import { renderPage } from '../http/views';
import { makeCover, type PictureProblem } from '../lib/pictures';
import { posterSvg } from '../lib/poster';
import { loadOrganizer, organizerOf } from '../organizers/current-organizer';
import { eventOfMember } from '../organizers/event-of-member';
import { paths } from '../paths';
import { createEventCoversStore } from './event-covers-store';

const MOST_MEGABYTES = 8;
const UPLOADS = { points: 30, seconds: 60 * 60 };
const TOO_MANY = 'Many pictures were uploaded within an hour. Wait a while, then try again.';

const coverForm = z.object({
  alt: optionalText({ max: 200, tooLong: 'Describe the picture in at most 200 characters' }),
});

const PROBLEMS: Record<PictureProblem | 'too_large' | 'none', string> = {
  none: 'Choose a picture from your device',
  too_large: `Choose a file of at most ${MOST_MEGABYTES} MB`,
  no_picture: 'Choose a JPEG, PNG, WebP or AVIF picture. This file is none, or it is damaged',
  too_many_pixels: 'Choose a picture of at most 40 megapixels',
  too_small: 'Choose a larger picture: at least 600 pixels wide and 300 high',
};

/**
 * Reads a form with a file before the token in it is looked at, from people who are signed in and nobody else. What is
 * wrong with the upload is said later, by the route.
 */
export function readCoverUpload(): RequestHandler {
  const read = multer({
    storage: multer.memoryStorage(),
    limits: { files: 1, fileSize: MOST_MEGABYTES * 1024 * 1024, fields: 10, fieldSize: 10_000, parts: 12 },
  }).single('picture');
  return function coverUpload(req, res, next) {
    if (req.method !== 'POST' || !req.currentUser || !req.is('multipart/form-data')) return next();
    read(req, res, (error: unknown) => {
      if (error instanceof multer.MulterError && error.code === 'LIMIT_FILE_SIZE')
        req.uploadProblem = 'too_large';
      else if (error) return next(new BadRequest('Foyer could not read this upload. Nothing was changed.'));
      next();
    });
  };
}

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      uploadProblem?: 'too_large';
    }
  }
}

export function eventCoverRouter({ db, rateLimits }: Pick<Dependencies, 'db' | 'rateLimits'>): Router {
  const router = Router();
  const covers = createEventCoversStore(db);

  router.get('/organizer/events/:id/cover', loadOrganizer(db), async (req: Request, res: Response) => {
    await show(req, res, null);
  });

  router.post('/organizer/events/:id/cover', loadOrganizer(db), async (req: Request, res: Response) => {
    const event = await eventOfMember(db, req);
    const parsed = parseForm(coverForm, req.body);
    if (!parsed.ok) return show(req, res, parsed.form);
    await rateLimits.consume('cover-upload', currentUser(req).id, UPLOADS, TOO_MANY);
    const file = req.file && req.file.size > 0 ? req.file : null;
    const { cover_hash: before } = await db('events').where({ id: event.id }).first('cover_hash');
    if (!req.uploadProblem && !file && before) {
      await covers.setAlt(event.id, parsed.data.alt);
      req.leaveNotice({ kind: 'success', text: 'The description of the picture is saved.' });
      return res.redirect(303, paths.eventCover(event.id));
    }
    if (req.uploadProblem || !file)
      return show(req, res, withErrors(parsed.form, { picture: PROBLEMS[req.uploadProblem ?? 'none'] }));
    const made = await makeCover(file.buffer);
    if ('problem' in made)
      return show(req, res, withErrors(parsed.form, { picture: PROBLEMS[made.problem] }));
    await covers.keep(event.id, made.cover, { alt: parsed.data.alt, userId: currentUser(req).id });
    req.leaveNotice({ kind: 'success', text: 'The picture is saved, and stands on the page of the event.' });
    res.redirect(303, paths.eventCover(event.id));
  });

  router.post(
    '/organizer/events/:id/cover/removal',
    loadOrganizer(db),
    async (req: Request, res: Response) => {
      const event = await eventOfMember(db, req);
      await covers.remove(event.id);
      req.leaveNotice({
        kind: 'info',
        text: 'The picture is gone. A poster made from the title stands in its place.',
      });
      res.redirect(303, paths.eventCover(event.id));
    },
  );

  return router;

  async function show(req: Request, res: Response, form: Form | null): Promise<void> {
    const { id, title, slug } = await eventOfMember(db, req);
    const row = await db('events').where({ id }).first('cover_hash', 'cover_alt');
    renderPage(
      req,
      res,
      'events/cover',
      {
        title: `Picture: ${title}`,
        layout: 'desk',
        status: form ? 422 : 200,
        page: { organizer: organizerOf(req) },
      },
      {
        event: { id, title, slug, coverHash: row.cover_hash },
        // the public poster is not there before the event is
        poster: `data:image/svg+xml;base64,${Buffer.from(posterSvg({ id, title })).toString('base64')}`,
        form: form ?? { ...emptyForm, values: { alt: row.cover_alt ?? '' } },
      },
    );
  }
}
