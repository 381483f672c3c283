/** Text from the server, which anyone may have written: kept to itself, with nothing invisible in it. */

// Control characters, those that turn the direction of text around, and those of no width.
const INVISIBLE = /[\p{Cc}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** Return text with its invisible characters written out. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Text of one line; what does not fit is cut, and there in full when pointed at. */
export function Name({ text, mono = false }: { text: string; mono?: boolean }) {
  const shown = visible(text);
  return (
    <bdi className={mono ? "name mono" : "name"} title={shown}>
      {shown}
    </bdi>
  );
}

/** Text of any length. */
export function Prose({ text }: { text: string }) {
  return <bdi className="prose">{text.split("\n").map(visible).join("\n")}</bdi>;
}
