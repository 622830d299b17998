"""Logins: sessions, the clients that joined them, and what each of them has open."""
