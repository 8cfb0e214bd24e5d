/** Colours in OKLab (Björn Ottosson 2020), where equal steps look equal, and back to sRGB bytes. */

/** sRGB, 0…255. */
export type Rgb = readonly [red: number, green: number, blue: number];
/** Lightness 0…1, green–red, blue–yellow. */
export type Lab = readonly [lightness: number, a: number, b: number];

function toLinear(byte: number): number {
  const value = byte / 255;
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
}

function fromLinear(value: number): number {
  return 255 * (value <= 0.0031308 ? 12.92 * value : 1.055 * value ** (1 / 2.4) - 0.055);
}

export function labOf([red, green, blue]: Rgb): Lab {
  const [r, g, b] = [toLinear(red), toLinear(green), toLinear(blue)];
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

/** Linear light; outside of 0…1 where sRGB has no such colour. */
function linearOf([lightness, a, b]: Lab): readonly [number, number, number] {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
}

/** The colour of this lightness and hue that sRGB has: chroma gives way, lightness stays, so that order is kept. */
export function rgbOf([lightness, a, b]: Lab): Rgb {
  const fits = (share: number): boolean =>
    linearOf([lightness, a * share, b * share]).every((value) => value >= -1e-4 && value <= 1.0001);
  let share = 1;
  if (!fits(1)) {
    let [low, high] = [0, 1];
    for (let i = 0; i < 20; i++) {
      share = (low + high) / 2;
      if (fits(share)) low = share;
      else high = share;
    }
    share = low;
  }
  const [red, green, blue] = linearOf([lightness, a * share, b * share]);
  const byte = (value: number): number => Math.round(Math.min(255, Math.max(0, fromLinear(Math.max(0, value)))));
  return [byte(red), byte(green), byte(blue)];
}

/** What browsers compute from CSS colours, "rgb(30, 30, 30)" or "rgba(…)" or "#1e1e1e"; null for anything else. Alpha is left out. */
export function parseRgb(text: string): Rgb | null {
  const hex = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})(?:[\da-f]{2})?$/i.exec(text.trim());
  if (hex) return [parseInt(hex[1] ?? '', 16), parseInt(hex[2] ?? '', 16), parseInt(hex[3] ?? '', 16)];
  const parts = /^rgba?\(\s*([\d.]+)[\s,]+([\d.]+)[\s,]+([\d.]+)/.exec(text.trim());
  return parts ? [Number(parts[1]), Number(parts[2]), Number(parts[3])] : null;
}

export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (a: number, b: number): number => Math.round(a + (b - a) * share);
  return [part(from[0], to[0]), part(from[1], to[1]), part(from[2], to[2])];
}
