import { z } from "zod";

/** A time in UTC, ISO 8601. */
export const time = z.iso.datetime({ precision: 3 }).or(z.iso.datetime());

/** The id of a unit: at most two names of 64 characters with an `@` between them. */
export const id = z.string().max(129);
