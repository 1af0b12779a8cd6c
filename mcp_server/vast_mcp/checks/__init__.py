"""Whether a machine is what its offer promised: the script that looks, and the judgement."""
