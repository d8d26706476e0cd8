import { z } from "zod";

/** UTC ISO 8601. */
export const time = z.iso.datetime({ precision: 3 }).or(z.iso.datetime());

/** Of a unit: two names of 64 characters with an `@` between them at most. */
export const id = z.string().max(129);
