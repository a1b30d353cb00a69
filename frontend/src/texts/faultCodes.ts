/** The codes of faults that have a text in every language: the form's own, and those of the daemon's `errors[].code`. */

export type FaultCode =
  | 'name_missing'
  | 'email_missing'
  | 'email_shape'
  | 'phone_missing'
  | 'phone_shape'
  | 'invalid_name'
  | 'invalid_email'
  | 'invalid_phone'
  | 'unknown_sku'
  | 'unavailable_sku'
  | 'invalid_quantity'
  | 'empty_cart'
  | 'too_many_lines'
  | 'amount_too_small'
  | 'amount_too_large'
  | 'discount_unknown'
  | 'discount_exhausted'
  | 'discount_not_started'
  | 'discount_expired'
  | 'discount_currency'
  | 'discount_minimum';
