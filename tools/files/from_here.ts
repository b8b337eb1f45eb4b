/**
 * Paths as their user means them: training's own rule.
 * @module
 */
export { fromHere } from "../../train/runs/from_here.ts";
