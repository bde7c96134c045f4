import QRCode from 'qrcode';

/** A QR code as an SVG element of modules that take the text's colour. */
export async function qrSvg(text: string): Promise<string> {
  return QRCode.toString(text, { type: 'svg', errorCorrectionLevel: 'M', margin: 2 });
}
