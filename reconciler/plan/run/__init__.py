"""What declared runs and answers to gates want: pure, and the same for both Flytes."""
