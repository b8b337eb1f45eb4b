/** What the page's chart shows, by the colour of its pixels. */
import type { Page } from "playwright-core";

/** For each tenth of the chart's width, from the left, how many pixels have the colour of its third line: AU12. */
export async function lineOfAu12(page: Page): Promise<number[]> {
  return await page.evaluate(`(() => {
    const dot = new OffscreenCanvas(1, 1).getContext("2d"), canvas = document.querySelector("#chart canvas");
    dot.fillStyle = getComputedStyle(canvas).getPropertyValue("--series-3").trim();
    dot.fillRect(0, 0, 1, 1);
    const color = dot.getImageData(0, 0, 1, 1).data, { width, height } = canvas, tenths = new Array(10).fill(0);
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    for (let at = 0; at < data.length; at += 4) {
      const isLine = [0, 1, 2].every((i) => Math.abs(data[at + i] - color[i]) < 8) && data[at + 3] > 128;
      if (isLine) tenths[Math.floor(10 * (at / 4 % width) / width)]++;
    }
    return tenths;
  })()`) as number[];
}
