/** One breach of the plan. */
export interface Violation {
  /** Path from the root. */
  readonly file: string;
  /** Name of the rule, as in "floor 0". */
  readonly rule: string;
  /** What stands there and what to do. */
  readonly message: string;
}
