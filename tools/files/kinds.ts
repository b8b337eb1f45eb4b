/**
 * Which files are pictures and films, by the ending of their names.
 * @module
 */
import { extname } from "node:path";

/** Endings of the pictures that are read. */
export const PICTURES = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"];

/** Endings of the films that are read. */
export const VIDEOS = [
  ...[".avi", ".mp4", ".mov", ".mkv", ".mpg", ".mpeg", ".wmv", ".m4v", ".webm", ".mjpeg", ".mjpg"],
  ...[".3gp", ".mts", ".m2ts"],
];

/** Endings of pictures that nothing here reads: they are counted and named, so that nobody takes them for read. */
const UNREAD = [
  ...[".heic", ".heif", ".hif", ".avif", ".jxl", ".gif", ".tif", ".tiff", ".bmp", ".jp2", ".psd"],
  ...[".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".rw2", ".orf", ".raw", ".svg"],
];

/** Whether a name ends like a picture's. */
export function isPicture(name: string): boolean {
  return PICTURES.includes(extname(name).toLowerCase());
}

/** Whether a name ends like a film's. */
export function isVideo(name: string): boolean {
  return VIDEOS.includes(extname(name).toLowerCase());
}

/** Whether a name ends like that of a picture which is not read, such as HEIC. */
export function isUnreadPicture(name: string): boolean {
  return UNREAD.includes(extname(name).toLowerCase());
}
