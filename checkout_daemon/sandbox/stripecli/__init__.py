"""What the official Stripe CLI talks to besides the API: sessions, their websockets, and what is pushed there."""
