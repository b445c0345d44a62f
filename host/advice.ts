// A failure that is not a bug: the message, for whoever runs the program, says what is wrong and what to do.

export class Advice extends Error {
  override readonly name: string = "Advice";
}
