/** How a user enters a group. */
export type AccessBy =
	| "User"
	| { Parent: string }
	| { GroupAsUser: string }
	| { GroupAsUserAsParent: { parent: string; group_as_user: string } };

/** What a user is in a group. Times are milliseconds since 1970. */
export interface LightGroup {
	group_id: string;
	parent_group_id: string | null;
	/** 0 creator, 1 admin, 2 member manager, 3 and 4 plain. */
	rank: number;
	created_time: number;
	joined_time: number;
	is_connected_group: boolean;
	access_by: AccessBy;
}

/** A group in a list. */
export interface GroupListItem {
	group_id: string;
	time: number;
	joined_time: number;
	rank: number;
	parent?: string | null;
}

/** An invite, or a join request that was sent. */
export interface GroupInvite {
	group_id: string;
	time: number;
}

/** A member of a group. */
export interface Member {
	user_id: string;
	rank: number;
	joined_time: number;
	/** 0 user, 1 parent group, 2 group. */
	user_type: number;
}

/** Somebody who asks to join. */
export interface JoinRequest {
	user_id: string;
	time: number;
	user_type: number;
}

/** A child group. */
export interface ChildGroup {
	group_id: string;
	time: number;
	parent?: string | null;
}

/** A device of a user. */
export interface Device {
	device_id: string;
	time: number;
	device_identifier: string;
}

/** An open session. */
export interface Session {
	session_id: string;
	time: number;
	device_id: string;
}

/** The second factor of an account that has one. */
export type SecondFactor = { code: string } | { recovery_key: string };

/** A part of a file. */
export interface FilePart {
	part_id: string;
	sequence: number;
	extern_storage: boolean;
}

/** What the server tells about a file. */
export interface FileMeta {
	file_id: string;
	master_key_id: string;
	owner: string;
	belongs_to: string | null;
	belongs_to_type: "Group" | "User" | "None";
	encrypted_file_name: string | null;
	/** The name, opened. */
	file_name?: string;
	part_list: FilePart[];
}
