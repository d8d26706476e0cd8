import { expect, test } from "bun:test";
import { displayOf } from "../../../src/spec/load/display.ts";
import { specifiersFor } from "../../../src/spec/load/specifiers.ts";

const PLACES = { home: "/home/op", state: "/state", logs: "/logs", runtime: "/run" };
const ENVIRONMENT = { NAME: "web", DB_PASSWORD: "s3cret", URL: "redis://:s3cret@h", FROM_FILE: "${LATER}", WHOLE: "${NAME}-${PORT}" };
const display = displayOf({ id: "web@7", port: 8080, environment: ENVIRONMENT }, { HOME: "/home/op" }, specifiersFor("web@7", PLACES));

test.each([
  ["http://127.0.0.1:${PORT}/%n?i=%i", "http://127.0.0.1:8080/web@7?i=7"],
  ["%S and %h, 5%% of ${HOME}", "/state and /home/op, 5% of /home/op"],
  ["${NAME} ${MISSING:-none} $${NAME}", "web none ${NAME}"],
  ["${LATER} is set by a file, ${PORT} is not", "${LATER} is set by a file, 8080 is not"],
  ["${SUP_INVOCATION_ID}", "${SUP_INVOCATION_ID}"],
  ["http://h/?a=${DB_PASSWORD}", "http://h/?a=********"],
  ["${URL}", "redis://:********@h"],
  ["a broken %", "a broken %"],
  ["plain", "plain"],
])("%s", (text, shown) => expect(display(text)).toBe(shown));

test("a shell command keeps its variables", () => {
  expect(display("echo ${PORT} %i $1", { variables: false })).toBe("echo ${PORT} 7 $1");
});

test("variables that are made of others are expanded where all are known", () => {
  const whole = displayOf({ id: "a", port: 1, environment: { A: "x", B: "${A}y" } }, {}, specifiersFor("a", PLACES));
  expect(whole("${B}")).toBe("xy");
});
