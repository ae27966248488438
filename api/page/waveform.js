/* The waveform: how loud it is, in the colour of who speaks. Two channels with one person each
   stand above and below the line; otherwise both halves are the same. */

const BAR = 2;
const GAP = 1;
const FLOOR = 0.04;

/* The loudest peak in each of `count` equal parts, scaled so that the loudest is 1. */
export function bars(peaks, count) {
  const out = new Float32Array(count);
  let top = 0;
  for (let n = 0; n < count; n += 1) {
    const first = Math.floor((n * peaks.length) / count);
    const last = Math.max(first + 1, Math.floor(((n + 1) * peaks.length) / count));
    for (let i = first; i < last && i < peaks.length; i += 1) out[n] = Math.max(out[n], peaks[i]);
    top = Math.max(top, out[n]);
  }
  return top > 0 ? out.map((value) => value / top) : out;
}

/* Who speaks in each of `count` equal parts of the recording, null where nobody does. */
export function voices(utterances, duration, count, channel = null) {
  const who = new Array(count).fill(null);
  for (const said of utterances) {
    if (channel && said.channel && said.channel !== channel) continue;
    const first = Math.floor((said.start_s / duration) * count);
    const last = Math.ceil((said.end_s / duration) * count);
    for (let n = Math.max(0, first); n < Math.min(last, count); n += 1) who[n] = said.role;
  }
  return who;
}

export function draw(canvas, waveform, utterances, duration) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  if (!width || !height) return;
  const ratio = Math.min(window.devicePixelRatio || 1, 3);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const brush = canvas.getContext("2d");
  brush.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const colour = (role) =>
    style.getPropertyValue(role ? `--${role}` : "--quiet").trim() ||
    style.getPropertyValue("--unknown").trim();
  const count = Math.max(1, Math.floor(width / (BAR + GAP)));
  const peaks = waveform.peaks?.length ? waveform.peaks : [[0]];
  const two = peaks.length === 2 && utterances.some((said) => said.channel);
  const halves = two
    ? [
        [bars(peaks[0], count), voices(utterances, duration, count, "left")],
        [bars(peaks[1], count), voices(utterances, duration, count, "right")],
      ]
    : [[bars(peaks[0], count), voices(utterances, duration, count)]];
  const middle = height / 2;
  for (let n = 0; n < count; n += 1) {
    halves.forEach(([loud, who], half) => {
      const size = Math.max(FLOOR, loud[n]) * middle;
      brush.fillStyle = colour(who[n]);
      const x = n * (BAR + GAP);
      if (!two) brush.fillRect(x, middle - size, BAR, 2 * size);
      else if (half === 0) brush.fillRect(x, middle - size, BAR, size);
      else brush.fillRect(x, middle + 1, BAR, size);
    });
  }
}
