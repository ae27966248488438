/* Times, sizes and dates as people read them. */
import { isEnglish } from "./language.js";

const two = (number) => String(number).padStart(2, "0");

/* Seconds as 1:16, or 1:02:05 from an hour on; with `tenths` as 1:16.4. */
export function clock(seconds, tenths = false) {
  const all = Math.max(0, tenths ? Math.round(seconds * 10) : Math.floor(seconds) * 10);
  const hours = Math.floor(all / 36000);
  const minutes = Math.floor(all / 600) % 60;
  const rest = `${two(Math.floor(all / 10) % 60)}${tenths ? `.${all % 10}` : ""}`;
  return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}

export const span = (start, end) => `${clock(start, true)}–${clock(end, true)}`;

/* The same for a screen reader: 1 分 16 秒. */
export function spoken(seconds) {
  const whole = Math.floor(Math.max(0, seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const units = isEnglish() ? [" h ", " min ", " s"] : [" 小时 ", " 分 ", " 秒"];
  return parts
    .map((part, n) => (part || n === 2 ? `${part}${units[n]}` : ""))
    .join("")
    .trim();
}

export function bytes(size) {
  const units = ["B", "KB", "MB", "GB"];
  let unit = 0;
  let number = size;
  while (number >= 1000 && unit < 3) {
    number /= 1024;
    unit += 1;
  }
  return `${Number(number.toFixed(number < 10 && unit > 1 ? 1 : 0))} ${units[unit]}`;
}

/* Never 100 % nor 0 %: the machine is not certain. */
export const score = (share) =>
  share >= 0.995 ? ">99%" : share < 0.005 ? "<1%" : `${Math.round(share * 100)}%`;

export function moment(iso) {
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return String(iso ?? "");
  return when.toLocaleString(isEnglish() ? "en-GB" : "zh-CN", {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  });
}

/* A call's time as it stood on the clock where it was recorded, wherever the reader is. */
export function wallClock(iso) {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d:\d\d)/.exec(iso);
  if (!parts) return moment(iso);
  const [, year, month, date, time] = parts;
  const when = new Date(Date.UTC(Number(year), Number(month) - 1, Number(date)));
  const shown = when.toLocaleDateString(isEnglish() ? "en-GB" : "zh-CN", {
    year: "numeric",
    month: "short",
    day: "numeric",
    timeZone: "UTC",
  });
  return `${shown} ${time}`;
}

export function day(iso) {
  const when = new Date(iso);
  if (Number.isNaN(when.getTime())) return String(iso ?? "");
  return when.toLocaleDateString(isEnglish() ? "en-GB" : "zh-CN", {
    year: "numeric",
    month: "long",
    day: "numeric",
  });
}
