/** A reason why a cart cannot be bought as it is, as the daemon would tell it. */

export interface PriceFault {
  /** JSON pointer into the request, such as /items/0/sku. */
  readonly pointer: string;
  /** The daemon's stable code. */
  readonly code: string;
}
