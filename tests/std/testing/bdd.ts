/**
 * The part of `@std/testing/bdd` that the tests use, with its names and signatures, on Deno's own `node:test`.
 * Hooks run in the order of the original: `beforeEach` and `afterEach` of a suite hold for the suites inside it, too.
 */
import {
  after,
  afterEach as eachAfter,
  before,
  beforeEach as eachBefore,
  describe as suite,
  it as test,
} from "node:test";

type Body = () => void | Promise<void>;

/** Groups the tests that `fn` declares. */
export function describe(name: string, fn: () => void): void {
  suite(name, fn);
}

/** A test: passes when `fn` returns, fails when it throws. */
export function it(name: string, fn: Body): void {
  test(name, () => fn());
}

/** Runs `fn` once before the tests of the suite; when it throws, the suite fails. */
export function beforeAll(fn: Body): void {
  before(() => fn());
}

/** Runs `fn` once after the tests of the suite. */
export function afterAll(fn: Body): void {
  after(() => fn());
}

/** Runs `fn` before every test of the suite and of the suites inside it. */
export function beforeEach(fn: Body): void {
  eachBefore(() => fn());
}

/** Runs `fn` after every test of the suite and of the suites inside it. */
export function afterEach(fn: Body): void {
  eachAfter(() => fn());
}
