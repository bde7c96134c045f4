/**
 * Pictures that strangers upload are decoded and drawn anew: what is kept is pixels of ours, without metadata, scripts or
 * whatever else the file held. Decoding is done in threads of libvips, off the event loop.
 */
import { createHash } from 'node:crypto';
import sharp from 'sharp';

export interface Cover {
  /** of the drawn picture: the same upload has the same name */
  hash: string;
  /** webp, 1200 × 675 */
  wide: Buffer;
  /** webp, 480 × 270 */
  small: Buffer;
  /** jpeg, 1200 × 630, for the cards of other sites */
  share: Buffer;
}

export type PictureProblem = 'no_picture' | 'too_many_pixels' | 'too_small';

/** Vector formats are documents with scripts and addresses in them, and animations are no covers. */
const FORMATS = ['jpeg', 'png', 'webp', 'avif', 'heif'];
const MOST_PIXELS = 40_000_000;
const SMALLEST = { width: 600, height: 300 };

sharp.cache(false);
sharp.concurrency(1);

export async function makeCover(upload: Buffer): Promise<{ cover: Cover } | { problem: PictureProblem }> {
  try {
    const { format, width, height } = await sharp(upload, { limitInputPixels: false }).metadata();
    if (!FORMATS.includes(format)) return { problem: 'no_picture' };
    if (width * height > MOST_PIXELS) return { problem: 'too_many_pixels' };
    if (Math.max(width, height) < SMALLEST.width || Math.min(width, height) < SMALLEST.height)
      return { problem: 'too_small' };
    const draw = (to: { width: number; height: number }) =>
      sharp(upload, { limitInputPixels: MOST_PIXELS, failOn: 'error' })
        .rotate()
        .resize({ ...to, fit: 'cover', position: 'attention' })
        .flatten({ background: '#ffffff' });
    const wide = await draw({ width: 1200, height: 675 }).webp({ quality: 76 }).toBuffer();
    const small = await draw({ width: 480, height: 270 }).webp({ quality: 72 }).toBuffer();
    const share = await draw({ width: 1200, height: 630 }).jpeg({ quality: 80, mozjpeg: true }).toBuffer();
    return {
      cover: { hash: createHash('sha256').update(wide).digest('hex').slice(0, 32), wide, small, share },
    };
  } catch {
    // cut off, damaged, or something else under a picture's name
    return { problem: 'no_picture' };
  }
}

/** A drawing of ours as PNG: other sites show no SVG. */
export async function svgToPng(svg: string): Promise<Buffer> {
  return sharp(Buffer.from(svg)).png({ palette: true }).toBuffer();
}
