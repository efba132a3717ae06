"""What a candidate is: the proposal, its data, the attempt, and what it leaves for its evaluation."""
