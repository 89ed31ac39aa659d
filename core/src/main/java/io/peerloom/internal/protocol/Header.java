package io.peerloom.internal.protocol;

/**
 * One header line of an HTTP message. It is checked where it is parsed or written, not here.
 *
 * @param name the field's name, as it was written
 * @param value the field's value without the whitespace around it, each byte one character
 */
public record Header(String name, String value) {}
