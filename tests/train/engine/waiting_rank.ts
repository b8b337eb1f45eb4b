/** A rank that does nothing for ever, for the test that kills it; prints a line once all have come. */
import { runTogether } from "../../../train/engine/rank_watch.ts";
import { placeHere } from "../../../train/engine/ranks.ts";

await runTogether(placeHere()!, { agreement: "same" }, () => {
  console.log("together");
  return new Promise(() => {});
});
