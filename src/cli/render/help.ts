import kleur from "kleur";

/** Returns commander's hooks that colour the help. `enabled` is called when the help is printed. */
export function helpStyles(enabled: () => boolean) {
  const style = (paint: (text: string) => string) => (text: string) => {
    kleur.enabled = enabled();
    return paint(text);
  };
  return {
    styleTitle: style((text) => kleur.bold().yellow(text)),
    styleCommandText: style((text) => kleur.bold(text)),
    styleSubcommandText: style((text) => kleur.cyan(text)),
    styleOptionText: style((text) => kleur.cyan(text)),
    styleArgumentText: style((text) => kleur.dim(text)),
  };
}
