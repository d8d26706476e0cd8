import { expect, test } from "bun:test";
import { storyRows } from "../../src/web/story.ts";

const TRACE = ["Traceback (most recent call last):", '  File "a.py", line 2', "ValueError: bad config", "    ^^^"];
const entry = (time: string, text: string, lines: readonly string[] = []) => ({ time, text, lines: [...lines] });

test("the history is newest first, and each run's telling line appears once, with the whole output at the newest", () => {
  const rows = storyRows(
    [entry("1", "Ended.", TRACE), entry("2", "Retry."), entry("3", "Ended.", ["other"]), entry("4", "Ended.", TRACE), entry("5", "Fatal.")],
    null,
  );
  expect(rows.map(({ time, line, output }) => [time, line, output.length])).toEqual([
    ["5", null, 0],
    ["4", "ValueError: bad config", 4],
    ["3", "other", 0],
    ["2", null, 0],
    ["1", null, 0],
  ]);
});

test("the line that the daemon chose is shown if it is in the output, and an indented line if there is no other", () => {
  expect(storyRows([entry("1", "Ended.", TRACE)], TRACE[0]!)[0]!.line).toBe(TRACE[0]!);
  expect(storyRows([entry("1", "Ended.", TRACE)], "elsewhere")[0]!.line).toBe("ValueError: bad config");
  expect(storyRows([entry("1", "Ended.", ["  only", " "])], null)[0]).toMatchObject({ line: "  only" });
});
