"""What webhooks are sent to in tests: HTTP servers on loopback that keep what they get."""

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
